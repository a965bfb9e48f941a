//! What each peer is sent of a batch, compared with the most naive way to say it, from any position.

use std::ops::Range;

use crate::protocol::{Batch, Framing, NOBODY, PeerId, RAW_MESSAGE, Recipient};
use proptest::collection::vec;
use proptest::prelude::*;

/// Something that was said: by which peer, in which form, and whether for that peer alone.
#[derive(Clone, Debug)]
struct Said {
    speaker: PeerId,
    private: bool,
    raw: bool,
    text: String,
}

fn said() -> impl Strategy<Value = Said> {
    let text = prop_oneof![
        6 => "[a-zé€]{1,8}",
        2 => "[a-z]{0,3}\n",
        1 => "[a-z]{1,3}\n[a-z]{1,3}",
        1 => (1000..2500_usize).prop_map(|length| "ä".repeat(length)),
    ];
    // Only raw messages may have newlines in them.
    (0..3_u64, 0..4_u8, text).prop_map(|(speaker, form, text)| {
        let raw = form == 0;
        let text = if raw { text } else { text.replace('\n', " ") };
        Said { speaker, private: form == 1, raw, text }
    })
}

fn recipient() -> impl Strategy<Value = Recipient> {
    let framing = prop_oneof![Just(Framing::Lines), Just(Framing::Raw)];
    (0..4_u64, framing, any::<bool>()).prop_map(|(id, framing, echo)| Recipient {
        id,
        framing,
        echo,
    })
}

/// Says all this in several batches, which are joined as the room joins them.
fn batch(all: &[Said], parts: usize) -> Batch {
    let mut batch = Batch::default();
    for part in all.chunks(parts) {
        let mut next = Batch::default();
        for said in part {
            if said.private {
                next.tell(said.speaker, &said.text);
            } else if said.raw {
                next.say_raw(said.speaker, |out| out.extend_from_slice(said.text.as_bytes()));
            } else {
                next.say(said.speaker, |out| out.extend_from_slice(said.text.as_bytes()));
            }
        }
        batch.append(next);
    }
    batch
}

/// Where each message stands in the text: without and with the newline that ends it. One that
/// brings its own newline gets no second.
fn places(all: &[Said]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut start = 0;
    let place = |said: &Said| {
        let message = start..start + said.text.len();
        let line = start..message.end + usize::from(!said.text.ends_with('\n'));
        start = line.end;
        (message, line)
    };
    all.iter().map(place).collect()
}

fn is_sent(recipient: Recipient, said: &Said) -> bool {
    if said.private {
        said.speaker == recipient.id
    } else {
        recipient.echo || said.speaker != recipient.id
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_peer_is_sent_its_part(
        all in vec(said(), 0..12),
        parts in 1..5_usize,
        recipient in recipient(),
        from in any::<prop::sample::Index>(),
    ) {
        let batch = batch(&all, parts);
        let text = batch.text();
        prop_assert_eq!(batch.count(), all.iter().filter(|said| !said.private).count());
        let whole =
            all.iter().flat_map(|said| [said.text.trim_end_matches('\n'), "\n"]).collect::<String>();
        prop_assert_eq!(std::str::from_utf8(text).expect("UTF-8"), &whole);
        let logged = batch.logged_lines().map(|(line, is_said)| (std::str::from_utf8(line).expect("UTF-8"), is_said));
        let to_log = all.iter().filter(|said| !said.private || said.speaker == NOBODY);
        let lines = to_log.flat_map(|said| {
            said.text.trim_end_matches('\n').split('\n').map(|line| (line, !said.private))
        });
        prop_assert_eq!(logged.collect::<Vec<_>>(), lines.collect::<Vec<_>>());
        let most = text.len() + all.len() * 24 + 200;
        prop_assert!(text.len() < batch.size() && batch.size() <= most, "{} of {}", batch.size(), most);

        // A laggard goes on from wherever its socket was full: between two characters at worst.
        let mut from = from.index(text.len() + 1);
        while text.get(from).is_some_and(|byte| byte & 0xc0 == 0x80) {
            from -= 1;
        }
        let heard: Vec<Range<usize>> = places(&all)
            .into_iter()
            .zip(&all)
            .filter(|(_, said)| is_sent(recipient, said))
            .map(|((message, line), _)| if recipient.framing == Framing::Raw { message } else { line })
            .map(|place| place.start.max(from)..place.end)
            .filter(|place| !place.is_empty())
            .collect();
        let chunks: Vec<_> = batch.chunks(recipient, from).collect();
        let bytes = |places: &[Range<usize>]| -> Vec<u8> {
            places.iter().flat_map(|place| &text[place.clone()]).copied().collect()
        };
        prop_assert_eq!(bytes(&chunks), bytes(&heard));
        for chunk in &chunks {
            prop_assert!(!chunk.is_empty());
            if recipient.framing == Framing::Raw {
                prop_assert!(chunk.len() <= RAW_MESSAGE);
                prop_assert!(std::str::from_utf8(&text[chunk.clone()]).is_ok());
                let message = heard.iter().find(|place| place.contains(&chunk.start)).expect("a message");
                prop_assert!(chunk.end <= message.end, "two messages in one send");
            }
        }
    }
}

/// A record for each line would take more memory than a short line itself.
#[test]
fn lines_of_one_peer_share_a_record() {
    let say = |speakers: PeerId| {
        let mut batch = Batch::default();
        (0..1000).for_each(|line| batch.say(line % speakers, |text| text.push(b'a')));
        batch.size()
    };
    let record = say(2).saturating_sub(say(1)) / 999;
    assert_eq!(say(1), 2000 + record + Batch::OVERHEAD);
    assert!((17..=32).contains(&record), "{record} bytes for each record");
    let pieces = size_of::<Batch>() + 3 * size_of::<usize>() + 3 * 16;
    assert!((pieces..2 * pieces).contains(&Batch::OVERHEAD), "{pieces} bytes besides");
}
