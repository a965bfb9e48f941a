//! The message that all clients say, in every protocol: 64 bytes with the number of its speaker and
//! its own number, so that a receiver can compare every byte of every message.

/// The length of every message with its newline.
pub(crate) const LENGTH: usize = 64;

pub(crate) type Message = [u8; LENGTH];

/// `cNNNNNNNN:NNNNNNNN `, then a filler and a newline.
const SPEAKER: usize = 1;
const SEQUENCE: usize = SPEAKER + DIGITS + 1;
const DIGITS: usize = 8;
const TEMPLATE: Message = *b"c00000000:00000000 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n";
/// The middle of a message: the same in all messages.
const FILLER: usize = SEQUENCE + DIGITS;

/// Message number `sequence` of `speaker`.
pub(crate) fn write(speaker: u32, sequence: u32) -> Message {
    let mut message = TEMPLATE;
    message[SPEAKER..][..DIGITS].copy_from_slice(&digits(speaker));
    message[SEQUENCE..][..DIGITS].copy_from_slice(&digits(sequence));
    message
}

/// A message without a speaker.
pub(crate) const ANONYMOUS: Message = {
    let mut message = TEMPLATE;
    message[0] = b'.';
    message
};

/// The speaker and the number of a message. None for all other text.
pub(crate) fn read(text: &[u8]) -> Option<(u32, u32)> {
    let message: &Message = text.try_into().ok()?;
    let fixed = |range: std::ops::Range<usize>| message[range.clone()] == TEMPLATE[range];
    let speaker = number(*message[SPEAKER..].first_chunk()?);
    let sequence = number(*message[SEQUENCE..].first_chunk()?);
    (fixed(0..SPEAKER) && fixed(SEQUENCE - 1..SEQUENCE) && fixed(FILLER..LENGTH))
        .then_some((speaker, sequence))
}

/// Eight digits of four bits each, from `0` to `?`, which is the sixteenth character after `0`.
/// Decimal digits would cost more than all the rest of the generator.
fn digits(number: u32) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    for (at, digit) in digits.iter_mut().rev().enumerate() {
        *digit = b'0' | (number >> (4 * at)).to_le_bytes()[0] & 0xf;
    }
    digits
}

/// The inverse: pairs of digits become bytes, pairs of bytes become 16 bits, and so on.
fn number(digits: [u8; DIGITS]) -> u32 {
    let mut bits = u64::from_be_bytes(digits) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    let [.., a, b, c, d] = (bits | bits >> 16).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
