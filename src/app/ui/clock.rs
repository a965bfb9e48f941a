//! The time of day, for those who asked for `--timestamps`.

use jiff::Zoned;

/// The local time as it stands in front of a line: `15:04:05 `.
pub(crate) fn stamp() -> String {
    Zoned::now().strftime("%H:%M:%S ").to_string()
}
