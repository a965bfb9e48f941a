//! The pictures in `docs/` can be read, on a light page and on a dark one.
//!
//! `docs/record.py` and `docs/chart.py` draw in one simple form, so that this test sees what a
//! reader sees: each text has a colour and a place of its own, and stands on a rectangle.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;

use super::page::{Page, top};

const ENOUGH: f64 = 4.5;

/// A text of a picture.
struct Text {
    words: String,
    place: (f64, f64),
    colour: String,
    /// The colour of the last rectangle before it that is behind its place.
    ground: String,
}

/// What a rectangle covers from left to right and from top to bottom, and its colour.
type Rectangle = (Range<f64>, Range<f64>, String);

/// The names of the pictures that have a light or a dark form, without `-light.svg`.
fn pictures() -> BTreeSet<String> {
    let entries = fs::read_dir(top().join("docs")).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("can be read").file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    let cut = |name: &str, end| name.strip_suffix(end).map(str::to_owned);
    names.filter_map(|name| cut(&name, "-light.svg").or(cut(&name, "-dark.svg"))).collect()
}

fn texts(picture: &str) -> Vec<Text> {
    let file = top().join("docs").join(picture);
    let svg = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut rectangles: Vec<Rectangle> = Vec::new();
    let mut texts = Vec::new();
    for element in svg.split('<').skip(1).filter(|element| !element.starts_with('/')) {
        let (tag, words) = element.split_once('>').expect("an element has an end");
        let attribute = |name: &str| {
            let (_, value) = tag.split_once(&format!(" {name}=\""))?;
            value.split('"').next()
        };
        let number = |name| {
            let value = attribute(name).and_then(|value| value.parse::<f64>().ok());
            value.unwrap_or_else(|| panic!("{picture}: a number {name} for <{tag}>"))
        };
        let colour = || attribute("fill").expect("a colour").to_owned();
        match tag.split(' ').next().unwrap_or_default() {
            "rect" => {
                let (x, y) = (number("x"), number("y"));
                rectangles.push((x..x + number("width"), y..y + number("height"), colour()));
            }
            "text" => {
                let (x, y) = (number("x"), number("y"));
                let ground = rectangles
                    .iter()
                    .rfind(|(across, down, _)| across.contains(&x) && down.contains(&y));
                let (_, _, ground) = ground.expect("a text stands on a rectangle").clone();
                let words = words.to_owned();
                texts.push(Text { words, place: (x, y), colour: colour(), ground });
            }
            // Lines and marks.
            "svg" | "path" => {}
            _ => panic!("{picture}: this test cannot read <{tag}>"),
        }
        let moved = tag.contains("transform") && !tag.starts_with("path");
        let hidden = tag.contains("opacity") || tag.contains("style=");
        assert!(!moved && !hidden, "{picture}: this test cannot read <{tag}>");
    }
    texts
}

/// How bright a colour such as `#1b1d23` is, as the Web Content Accessibility Guidelines (2.1)
/// define it.
fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let part = u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour");
        let part = f64::from(part) / 255.0;
        if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

/// The contrast of two colours, from 1 to 21.
fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn every_text_can_be_read() {
    assert!((contrast("#ffffff", "#000000") - 21.0).abs() < 0.01);
    for name in pictures() {
        for (theme, is_light) in [("light", true), ("dark", false)] {
            let picture = format!("{name}-{theme}.svg");
            let texts = texts(&picture);
            assert!(!texts.is_empty(), "{picture} has no text");
            for Text { words, colour, ground, .. } in texts {
                let contrast = contrast(&colour, &ground);
                assert!(
                    contrast >= ENOUGH,
                    "{picture}: {words:?}, {colour} on {ground}: {contrast}"
                );
                assert_eq!(luminance(&ground) > 0.5, is_light, "{picture}: {words:?} on {ground}");
            }
        }
    }
}

#[test]
fn light_and_dark_show_the_same() {
    for name in pictures() {
        let [light, dark] = ["light", "dark"].map(|theme| {
            let texts = texts(&format!("{name}-{theme}.svg")).into_iter();
            texts.map(|text| (text.words, text.place)).collect::<Vec<_>>()
        });
        assert_eq!(light, dark, "{name}");
    }
}

/// Each page that shows a picture chooses between its two forms.
#[test]
fn every_picture_is_shown_in_both_forms() {
    let pages = Page::all();
    for name in pictures() {
        let dark =
            format!("<source media=\"(prefers-color-scheme: dark)\" srcset=\"{name}-dark.svg\">");
        let light = format!("src=\"{name}-light.svg\"");
        let mut shown = false;
        for page in &pages {
            // README shows them from the folder above.
            let text = page.text.replace("=\"docs/", "=\"");
            assert_eq!(text.contains(&dark), text.contains(&light), "{name} in {}", page.path);
            shown |= text.contains(&light);
        }
        assert!(shown, "no page shows {name}");
    }
}
