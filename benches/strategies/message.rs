//! The message that all clients say, in every protocol: the number of its speaker, its own number,
//! and a filler, so that a receiver can compare every byte of every message.

/// The length of a message with its newline, if `--bytes` says nothing else.
pub(crate) const LENGTH: usize = 64;
/// The lengths that it may say. The longest one is the longest message that each server allows as it
/// is started.
pub(crate) const LENGTHS: std::ops::RangeInclusive<usize> = LENGTH..=1024;

/// A letter or colon and seven digits.
const NUMBER: usize = 8;
const FILLER: [u8; *LENGTHS.end()] = [b'x'; *LENGTHS.end()];

/// A message without a speaker.
pub(crate) const ANONYMOUS: [u8; LENGTH] = {
    let mut message = [b'.'; LENGTH];
    message[LENGTH - 1] = b'\n';
    message
};

/// A message of this length, without its numbers: `c0000012:0000345 xxx…x`, and a newline.
pub(crate) fn template(length: usize) -> Vec<u8> {
    let mut message = FILLER[..length].to_vec();
    message[2 * NUMBER] = b' ';
    message[length - 1] = b'\n';
    message
}

/// Makes a template message number `sequence` of `speaker`.
pub(crate) fn number_it(message: &mut [u8], speaker: u32, sequence: u32) {
    message[..NUMBER].copy_from_slice(&digits(b'c', speaker));
    message[NUMBER..][..NUMBER].copy_from_slice(&digits(b':', sequence));
}

/// The speaker and the number of a message. None for all other text.
pub(crate) fn read(text: &[u8]) -> Option<(u32, u32)> {
    let (speaker, rest) = text.split_first_chunk()?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let filler = rest.strip_prefix(b" ")?.strip_suffix(b"\n")?;
    if filler != FILLER.get(..filler.len())? {
        return None;
    }
    Some((number(b'c', *speaker)?, number(b':', *sequence)?))
}

/// Digits of four bits each, from `0` to `?`, which is the sixteenth character after `0`. Decimal
/// digits would cost more than all the rest of the generator.
fn digits(first: u8, number: u32) -> [u8; NUMBER] {
    let mut digits = [first; NUMBER];
    for (at, digit) in digits[1..].iter_mut().rev().enumerate() {
        *digit = b'0' | (number >> (4 * at)).to_le_bytes()[0] & 0xf;
    }
    digits
}

/// The inverse: pairs of digits become bytes, pairs of bytes become 16 bits, and so on.
fn number(first: u8, digits: [u8; NUMBER]) -> Option<u32> {
    if digits[0] != first {
        return None;
    }
    let mut bits = u64::from_be_bytes(digits) & 0x000f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    let [.., a, b, c, d] = (bits | bits >> 16).to_be_bytes();
    Some(u32::from_be_bytes([a, b, c, d]))
}
