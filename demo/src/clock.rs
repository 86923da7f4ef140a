//! Instants of the demo, which are seconds since 1970, as RFC 3339 text in UTC.
//!
//! In: whole seconds. Out: text such as `2024-05-01T09:30:00Z`.
//! Always true: this module never reads the clock of the machine, so seeds and answers are the same in every run.

/// One day in seconds.
pub(crate) const DAY: i64 = 86_400;

/// 2024-01-01T00:00:00Z, when the first order was placed.
pub(crate) const FIRST_ORDER: i64 = 1_704_067_200;

/// 2026-01-01T00:00:00Z, the demo's "now". The writes after it are dated one second apart.
pub(crate) const NOW: i64 = 1_767_225_600;

/// Writes `seconds` since 1970-01-01 as an RFC 3339 date and time in UTC.
pub(crate) fn timestamp(seconds: i64) -> String {
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", date(seconds))
}

/// Writes the calendar day of `seconds` since 1970-01-01, such as `2024-05-01`.
pub(crate) fn date(seconds: i64) -> String {
    // The algorithm is Howard Hinnant's `civil_from_days`: its years start in March, so that a leap day is the last
    // day.
    let days = seconds.div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (FIRST_ORDER, "2024-01-01T00:00:00Z"),
            (NOW - 1, "2025-12-31T23:59:59Z"),
            (NOW, "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(seconds), text);
        }
    }
}
