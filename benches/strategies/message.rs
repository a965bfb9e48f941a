//! The message that all clients say, in every protocol: 64 bytes with the number of its speaker and
//! its own number, so that a receiver can compare every byte of every message.

/// The length of every message with its newline.
pub(crate) const LENGTH: usize = 64;

/// `c0000012:0000345 xxx…x`, and a newline.
pub(crate) type Message = [u8; LENGTH];

/// A letter or colon and seven digits.
const NUMBER: usize = 8;
/// The rest is the same in all messages.
const FILLER: [u8; LENGTH - 2 * NUMBER] = {
    let mut filler = [b'x'; LENGTH - 2 * NUMBER];
    filler[0] = b' ';
    filler[filler.len() - 1] = b'\n';
    filler
};

/// A message without a speaker.
pub(crate) const ANONYMOUS: Message = {
    let mut message = [b'.'; LENGTH];
    message[LENGTH - 1] = b'\n';
    message
};

/// Message number `sequence` of `speaker`.
pub(crate) fn write(speaker: u32, sequence: u32) -> Message {
    let mut message = [0; LENGTH];
    message[..NUMBER].copy_from_slice(&digits(b'c', speaker));
    message[NUMBER..][..NUMBER].copy_from_slice(&digits(b':', sequence));
    message[2 * NUMBER..].copy_from_slice(&FILLER);
    message
}

/// The speaker and the number of a message. None for all other text.
pub(crate) fn read(text: &[u8]) -> Option<(u32, u32)> {
    let message: &Message = text.try_into().ok()?;
    let (speaker, rest) = message.split_first_chunk()?;
    let (sequence, filler) = rest.split_first_chunk()?;
    let filler: &[u8; FILLER.len()] = filler.try_into().ok()?;
    if *filler != FILLER {
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
