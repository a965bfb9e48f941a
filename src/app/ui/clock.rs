//! The time of day, for `--timestamps`.

use std::time::SystemTime;

use jiff::ZonedDateTime;

/// The local time, as it is shown in front of a line: `15:04:05 `.
pub(crate) fn stamp() -> String {
    stamp_of(SystemTime::now())
}

/// A clock may be wrong by thousands of years, and then there is no such date.
fn stamp_of(time: SystemTime) -> String {
    let time = ZonedDateTime::try_from(time).map(|time| time.strftime("%H:%M:%S ").to_string());
    time.unwrap_or_else(|_| "--:--:-- ".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::stamp_of;

    #[test]
    fn a_clock_may_show_any_year() {
        let years = |years: u64| Duration::from_secs(years * 31_556_952);
        assert_eq!(
            stamp_of(SystemTime::UNIX_EPOCH + years(100)).replace(|c: char| c != ':', "").len(),
            2
        );
        for time in [SystemTime::UNIX_EPOCH + years(8030), SystemTime::UNIX_EPOCH - years(20_000)] {
            assert_eq!(stamp_of(time), "--:--:-- ");
        }
    }
}
