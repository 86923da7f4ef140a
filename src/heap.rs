//! Heap sizes: how much memory a value holds on the heap.
//!
//! In: a value. Out: the bytes that were asked of the allocator, without the allocator's overhead. What is behind an
//! `Arc` is shared and counts nothing, except texts, which usually have one holder.

use crate::json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// A value that can tell how much memory it holds on the heap.
pub(crate) trait HeapSize {
    /// The bytes that it holds on the heap, without [`size_of`] its type.
    fn heap_size(&self) -> usize;
}

/// The size of the two counters of an `Arc`, in bytes.
pub(crate) const COUNTERS: usize = 2 * size_of::<usize>();

/// Implements [`HeapSize`] for a struct as the sum over the fields that are named; the others hold nothing on the heap.
macro_rules! heap_size {
    ($($ty:ty { $($field:ident),* $(,)? })*) => {$(
        impl crate::heap::HeapSize for $ty {
            fn heap_size(&self) -> usize {
                0 $(+ crate::heap::HeapSize::heap_size(&self.$field))*
            }
        }
    )*};
}

/// Implements [`HeapSize`] for types whose values hold nothing on the heap.
macro_rules! no_heap {
    ($($ty:ty),* $(,)?) => {$(
        impl crate::heap::HeapSize for $ty {
            fn heap_size(&self) -> usize {
                0
            }
        }
    )*};
}

pub(crate) use {heap_size, no_heap};

no_heap!(bool, u8, u16, u32, u64, usize);

impl HeapSize for String {
    fn heap_size(&self) -> usize {
        self.capacity()
    }
}

impl HeapSize for Box<str> {
    fn heap_size(&self) -> usize {
        self.len()
    }
}

impl HeapSize for Arc<str> {
    fn heap_size(&self) -> usize {
        COUNTERS + self.len()
    }
}

impl<T: HeapSize> HeapSize for [T] {
    fn heap_size(&self) -> usize {
        self.iter().map(HeapSize::heap_size).sum()
    }
}

impl<T: HeapSize> HeapSize for Vec<T> {
    fn heap_size(&self) -> usize {
        self.capacity() * size_of::<T>() + self.as_slice().heap_size()
    }
}

impl<T: HeapSize> HeapSize for Box<[T]> {
    fn heap_size(&self) -> usize {
        size_of_val(&**self) + (**self).heap_size()
    }
}

impl<T: HeapSize> HeapSize for Box<T> {
    fn heap_size(&self) -> usize {
        size_of::<T>() + (**self).heap_size()
    }
}

impl<T: HeapSize> HeapSize for Option<T> {
    fn heap_size(&self) -> usize {
        self.as_ref().map_or(0, HeapSize::heap_size)
    }
}

impl<A: HeapSize, B: HeapSize> HeapSize for (A, B) {
    fn heap_size(&self) -> usize {
        self.0.heap_size() + self.1.heap_size()
    }
}

impl<A: HeapSize, B: HeapSize, C: HeapSize> HeapSize for (A, B, C) {
    fn heap_size(&self) -> usize {
        self.0.heap_size() + self.1.heap_size() + self.2.heap_size()
    }
}

impl<K: HeapSize, V: HeapSize, S> HeapSize for HashMap<K, V, S> {
    fn heap_size(&self) -> usize {
        // A table of at most seven entries in eight buckets, with a byte of control for each.
        let buckets = if self.capacity() == 0 { 0 } else { (self.capacity() * 8 / 7).next_power_of_two() };
        let entries = self.iter().map(|(key, value)| key.heap_size() + value.heap_size());
        buckets * (size_of::<(K, V)>() + 1) + entries.sum::<usize>()
    }
}

impl HeapSize for Value {
    fn heap_size(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(number) => number.as_str().len(),
            Self::String(text) => text.heap_size(),
            Self::Array(items) => items.heap_size(),
            // An entry has its hash beside it, and a place in a table of indices.
            Self::Object(members) => members
                .iter()
                .map(|(name, value)| {
                    size_of::<(String, Self)>() + 4 * size_of::<usize>() + name.capacity() + value.heap_size()
                })
                .sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_allocator() {
        fn check<T: HeapSize>(about: &str, make: impl Fn() -> T) {
            let mut made = None;
            let held = allocation_counter::measure(|| made = Some(make())).bytes_current;
            let counted = made.unwrap().heap_size() as i64;
            assert!((held * 3 / 4..=held * 5 / 4).contains(&counted), "{about}: {counted} of {held} bytes");
        }
        check("nothing", || 1_u32);
        check("a text", || "a".repeat(100));
        check("a list of texts", || vec!["a".repeat(10); 10]);
        check("a shared text", || Arc::<str>::from("a".repeat(50)));
        check("a slice", || vec![Some("abc".to_owned()); 9].into_boxed_slice());
        check("a table", || (0..100_u32).map(|at| (at, at.to_string())).collect::<HashMap<_, _>>());
        let text = r#"{"a": [1, 2, {"b": "a longer text"}], "c": {"d": null, "e": true, "f": [[]]}, "g": 1.50}"#;
        check("JSON", || Value::read(text.as_bytes()).unwrap());
    }
}
