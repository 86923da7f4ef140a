#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bespoke::fuzzing::client_sdl(data));
