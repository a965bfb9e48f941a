//! Checks the values of flags, and writes the error for a value that is not allowed.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use tcp_chat::protocol;

/// The port of an address without one.
const PORT: u16 = 3234;

pub(crate) fn address(text: &str) -> Result<String, String> {
    let is_address = protocol::host_and_port(text).map(|_| text.to_owned());
    is_address.ok_or_else(|| "write HOST:PORT, for example 127.0.0.1:3234".to_owned())
}

/// Reads the address of a server: `HOST` alone means its default port. A number alone is no host.
pub(crate) fn server_address(text: &str) -> Result<String, String> {
    let is_host = !text.contains(':') && text.contains(|c: char| !c.is_ascii_digit());
    address(&if is_host { format!("{text}:{PORT}") } else { text.to_owned() })
}

/// Reads one of two words: whether it is the first.
pub(crate) fn is_first(words: [&'static str; 2]) -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(words).map(move |word| word == words[0])
}

fn within<T>(text: &str, range: &RangeInclusive<T>, number: &str) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let value = text.parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| format!("write a {number} from {} to {}", range.start(), range.end()))
}

pub(crate) fn whole<T>(text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    within(text, &range, "whole number")
}

pub(crate) fn line_limit(text: &str) -> Result<usize, String> {
    whole(text, 1..=1024 * 1024)
}

/// Reads a time for the system's probes; the system allows only this range.
pub(crate) fn link_seconds(text: &str) -> Result<Duration, String> {
    whole(text, 1..=32_767).map(Duration::from_secs)
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    within(text, &(0.001..=1e9), "number")
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    within(text, &(0.0..=1e6), "number").map(Duration::from_secs_f64)
}
