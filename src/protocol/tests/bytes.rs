//! Framing and sanitizing, for any bytes in any pieces: nothing depends on how TCP cut the stream, and
//! nothing that reaches another peer can do harm.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use crate::protocol::{
    Batch, Chunks, Found, Framing, Lines, Name, RAW_MESSAGE, Recipient, sanitized, sanitized_raw,
};
use crate::server::{ClientPolicy, Inbound, Timeouts};
use proptest::collection::vec;
use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

/// Bytes in which everything that matters is frequent.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let some = prop_oneof![
        8 => "[a-z ]{1,6}".prop_map(String::into_bytes),
        4 => Just(b"\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        2 => vec(any::<u8>(), 1..4),
        1 => Just(b"\x1b[2J\x07\x00\x7f\t".to_vec()),
        1 => Just("\u{9b}\u{85}\u{202e}\u{2069}".as_bytes().to_vec()),
        1 => Just("é€😀".as_bytes().to_vec()),
        1 => Just("€😀".as_bytes()[1..5].to_vec()),
    ];
    vec(some, 0..40).prop_map(|parts| parts.concat())
}

/// Where a client that does not matter is.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// The same bytes as TCP might deliver them: cut anywhere.
fn cut(bytes: &[u8], lengths: &[usize]) -> Vec<Vec<u8>> {
    let mut rest = bytes;
    let mut reads = Vec::new();
    for &length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (read, tail) = rest.split_at(length.min(rest.len()));
        reads.push(read.to_vec());
        rest = tail;
    }
    reads
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(1..3_usize, 1..8), vec(1..20_usize, 1..8), Just(vec![usize::MAX])]
}

/// A batch with one raw message, and where the pieces of it stand that a raw peer is sent.
fn raw_pieces(text: &str) -> (Batch, Vec<Range<usize>>) {
    let mut batch = Batch::default();
    batch.say_raw(1, |out| out.extend_from_slice(text.as_bytes()));
    let recipient = Recipient { id: 2, framing: Framing::Raw, echo: true };
    let pieces = batch.chunks(recipient, 0).collect();
    (batch, pieces)
}

/// What is to be found in a stream of lines: written down as simply as possible.
fn lines_in(bytes: &[u8], max: usize) -> Vec<Option<Vec<u8>>> {
    let lines = bytes.split(|&byte| byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(|line| (line.len() <= max).then(|| line.to_vec())).collect()
}

/// What is shown of a character that could drive a terminal; written down from Unicode's tables.
fn harmless(character: char, newline: bool) -> char {
    match u32::from(character) {
        0x09 => '\t',
        0x0a if newline => '\n',
        code @ 0..=0x1f => char::from_u32(0x2400 + code).expect("a control picture"),
        0x7f => '␡',
        0x80..=0x9f | 0x202a..=0x202e | 0x2066..=0x2069 => '\u{fffd}',
        _ => character,
    }
}

fn has_nothing_harmful(text: &str, newline: bool) -> bool {
    !text.chars().any(|character| {
        (character.is_control() && character != '\t' && !(newline && character == '\n'))
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn lines_do_not_depend_on_how_they_were_cut(bytes in bytes(), cuts in cuts(), max in 1..12_usize) {
        let mut lines = Lines::new(max);
        let mut found = Vec::new();
        let mut take = |line: Found| found.push(match line {
            Found::Line(line) => Some(line.to_vec()),
            Found::TooLong => None,
        });
        for read in cut(&bytes, &cuts) {
            lines.feed(&read, &mut take);
            // What it holds is what Debug shows: one line and a little, five characters a byte.
            let held = format!("{lines:?}").len();
            prop_assert!(held <= 5 * (max + 2) + 100);
        }
        lines.finish(&mut take);
        prop_assert_eq!(found, lines_in(&bytes, max));
    }

    #[test]
    fn the_messages_of_a_client_do_not_depend_on_it(bytes in bytes(), cuts in cuts(), max in 1..12_usize) {
        let policy = ClientPolicy {
            framing: Framing::Lines,
            max_line: max,
            greet: None,
            prefix: Some("> ".parse().expect("a template")),
            name_first: None,
            echo: true,
            rate: None,
            timeouts: Timeouts { idle: Duration::MAX, sending: Duration::MAX },
        };
        let mut heard = Batch::default();
        let mut inbound = Inbound::new(&policy, 7, ANYWHERE, &mut heard);
        let mut messages = 0;
        for read in cut(&bytes, &cuts).iter().chain([&Vec::new()]) {
            inbound.take(read, &mut heard, |_| messages += 1);
        }
        let expected: Vec<String> = lines_in(&bytes, max)
            .into_iter()
            .map(|line| line.map_or(crate::protocol::refusal(max), |line| format!("> {}", sanitized(&line))))
            .collect();
        prop_assert_eq!(messages, expected.len());
        let heard = std::str::from_utf8(heard.text()).expect("only text");
        prop_assert_eq!(heard.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn sanitized_text_is_harmless(bytes in bytes()) {
        for (newline, sanitize) in [(false, sanitized as fn(&[u8]) -> String), (true, sanitized_raw)] {
            let text = sanitize(&bytes);
            prop_assert!(has_nothing_harmful(&text, newline), "{:?}", text);
            let expected = String::from_utf8_lossy(&bytes).chars().map(|c| harmless(c, newline)).collect::<String>();
            prop_assert_eq!(&text, &expected);
            prop_assert_eq!(&sanitize(text.as_bytes()), &text, "sanitized twice");
            prop_assert!(text.len() <= 3 * bytes.len());
        }
    }

    #[test]
    fn raw_messages_are_whole_characters_and_nothing_is_lost(bytes in bytes(), cuts in cuts()) {
        let mut chunks = Chunks::default();
        let (mut messages, mut received) = (Vec::<Vec<u8>>::new(), 0);
        for read in cut(&bytes, &cuts) {
            let message = chunks.feed(&read);
            prop_assert!(message.as_ref().is_none_or(|message| message.len() <= read.len() + 3));
            messages.extend(message);
            // What is withheld is the beginning of a character, and nothing else.
            received += read.len();
            let withheld = &bytes[messages.iter().map(Vec::len).sum()..received];
            let error = std::str::from_utf8(withheld).err();
            prop_assert!(error.is_none_or(|e| e.valid_up_to() == 0 && e.error_len().is_none()));
        }
        messages.extend(chunks.finish());
        prop_assert!(messages.iter().all(|message| !message.is_empty()));
        prop_assert_eq!(&messages.concat(), &bytes);
        let shown: String = messages.iter().map(|message| sanitized_raw(message)).collect();
        prop_assert_eq!(shown, sanitized_raw(&bytes), "cutting the stream changes what is shown");
    }

    #[test]
    fn pieces_fit_and_split_no_character(text in "(?s).{0,1500}") {
        let (batch, cut) = raw_pieces(&text);
        let cut: Vec<_> = cut.into_iter().map(|place| &batch.text()[place]).collect();
        prop_assert_eq!(cut.concat(), text.as_bytes());
        for piece in cut {
            prop_assert!(!piece.is_empty() && piece.len() <= RAW_MESSAGE);
            prop_assert!(std::str::from_utf8(piece).is_ok());
        }
    }

    #[test]
    fn a_name_is_harmless_or_none(name in prop_oneof!["(?s).{0,40}", "[a-zé:\t\x1b]{0,34}"]) {
        if let Ok(accepted) = name.parse::<Name>() {
            prop_assert_eq!(accepted.to_string(), name.as_str());
            prop_assert!((1..=32).contains(&name.graphemes(true).count()) && name.len() <= 128);
            prop_assert!(has_nothing_harmful(&name, false) && !name.contains([':', '\t']));
            prop_assert_eq!(name.trim(), &name);
        } else {
            let fits = (1..=32).contains(&name.chars().count());
            let plain = name.chars().all(|c| c.is_ascii_lowercase() || c == 'é');
            prop_assert!(!(fits && plain), "refused: {:?}", name);
        }
    }
}

#[test]
fn a_name_can_be_seen() {
    let long = "é".repeat(32);
    for name in [
        "Ann",
        "Ann Lee",
        "Zoë",
        "e\u{301}e\u{301}",
        "山田\u{3000}太郎",
        "葛\u{e0100}",
        "नि",
        "क\u{94d}\u{200d}ष",
        "한",
        "a_ß!",
        "👩\u{200d}❤\u{fe0f}\u{200d}👨",
        "❤\u{fe0f}",
        "🏴\u{e0067}\u{e007f}",
        "1\u{fe0f}\u{20e3}",
        "🇯🇵",
        long.as_str(),
    ] {
        assert!(name.parse::<Name>().is_ok(), "{name:?}");
    }
    let (longer, bytes) = ("é".repeat(33), "👩\u{200d}👩\u{200d}👧".repeat(8));
    for name in [
        "",
        " ",
        "Ann ",
        " Ann",
        "\u{3000}Ann",
        "Ann\u{a0}",
        "\u{200b}",
        "Ann\u{200b}",
        "An\u{200b}n",
        "Ann\u{200d}",
        "A\u{200d}nn",
        "Ann\u{200c}",
        "A\u{ad}nn",
        "\u{feff}Ann",
        "Ann\u{2060}",
        "Ann\u{200e}",
        "Ann\u{fe0f}",
        "Ann\u{34f}",
        "Ann\u{e0041}",
        "\u{3164}",
        "\u{115f}\u{1160}",
        "\u{2800}",
        "\u{301}",
        "a\u{2028}b",
        "a\u{2003}b",
        longer.as_str(),
        bytes.as_str(),
    ] {
        assert!(name.parse::<Name>().is_err(), "{name:?}");
    }
}

#[test]
fn a_raw_message_is_no_longer_than_a_read_of_the_assignment() {
    assert_eq!(RAW_MESSAGE, 1024);
    let lengths: Vec<_> = raw_pieces(&"€".repeat(1000)).1.iter().map(Range::len).collect();
    assert_eq!(lengths, [1023, 1023, 954]);
}

#[test]
fn a_line_may_have_exactly_so_many_bytes_wherever_it_is_split() {
    for (max, over, end) in (1..9_usize).flat_map(|max| {
        (0..3).flat_map(move |over| ["\n", "\r\n", "\r\r\n", "\r", ""].map(|end| (max, over, end)))
    }) {
        let line = [b"x".repeat(max + over).as_slice(), end.as_bytes()].concat();
        for at in 0..=line.len() {
            let mut lines = Lines::new(max);
            let mut found = Vec::new();
            let mut take = |line: Found| found.push(matches!(line, Found::Line(_)));
            lines.feed(&line[..at], &mut take);
            lines.feed(&line[at..], &mut take);
            lines.finish(&mut take);
            // Of two `\r`, the first is a character like any other.
            let length = max + over + usize::from(end == "\r\r\n");
            assert_eq!(found, [length <= max], "{length} of {max} bytes, {end:?}, split at {at}");
        }
    }
}
