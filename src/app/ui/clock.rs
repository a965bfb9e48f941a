//! The time of day, for `--timestamps`.

use jiff::Zoned;

/// The local time, as it is shown in front of a line: `15:04:05 `.
pub(crate) fn stamp() -> String {
    Zoned::now().strftime("%H:%M:%S ").to_string()
}
