//! Safe text over 100,000 strings: making safe twice changes nothing, no terminal is told anything, plain text stays
//! as it is, and what stands in so many columns here stands in as many on a terminal.

use kaygia_desk::app::wrap::width;
use kaygia_desk::domain::safe_text::{SafeText, never_shown};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::{Cell, RefCell};
use std::num::NonZero;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

const STRINGS: u32 = 100_000;
/// No string of these is wider.
const COLUMNS: u16 = 640;

fn runner() -> TestRunner {
    let config = Config { cases: STRINGS, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

/// Letters of many scripts, all that terminals obey, and what joins, turns, hides and piles up.
fn anything() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -~]{1,8}",
        2 => any::<char>().prop_map(String::from),
        2 => (0_u32..0xa0).prop_map(|c| char::from_u32(c).map(String::from).unwrap_or_default()),
        1 => "[à-ÿΑ-Ωа-яא-תء-يऀ-ॿก-๛一-鿿가-힣ァ-ンｦ-ﾟ]{1,4}",
        1 => "[\u{300}-\u{36f}]{1,12}",
        1 => "[\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{fe0f}\u{feff}\u{e0001}-\u{e007f}]{1,3}",
        1 => prop::sample::select(vec!["👩\u{200d}🚀", "👍🏽", "❤\u{fe0f}", "🇬🇧", "1\u{fe0f}\u{20e3}", "ᄀ\u{1161}", "\r", "\u{85}", "\u{2028}"])
            .prop_map(String::from),
        1 => prop::sample::select(vec!["\x1b]52;c;QUJD\x07", "\x1b[21t", "\x1bP$qm\x1b\\", "\u{9b}6n", "\x1b[?1049l"]).prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

#[test]
fn of_100000_strings_each_is_safe_once_and_as_wide_as_a_terminal_shows_it() {
    let screen =
        RefCell::new(vt100::Parser::new(NonZero::new(1).unwrap(), NonZero::new(COLUMNS).unwrap(), 0));
    let (compared, own_way) = (Cell::new(0), Cell::new(0));
    let checked = runner().run(&anything(), |raw| {
        let safe = SafeText::new(&raw);
        let text = safe.as_str();
        let again = SafeText::new(text);
        prop_assert_eq!(again.as_str(), text);
        prop_assert_eq!(safe.raw(), raw.as_str());
        prop_assert!(!text.chars().any(|c| !matches!(c, '\n' | '\t') && never_shown(c)), "{:?}", text);

        // Signs made of several, such as a family of emoji, each terminal draws in its own way; all others must fit.
        // The emulator drops the sign for broken bytes, which terminals draw in one column.
        let line = safe.one_line().replace('\u{fffd}', "?");
        let kept: String = line.graphemes(true).filter(|sign| width(sign) == columns(sign)).collect();
        own_way.set(own_way.get() + u32::from(kept.len() < line.len()));
        if width(&kept) == columns(&kept) {
            let mut screen = screen.borrow_mut();
            screen.process(b"\r\x1b[2K");
            screen.process(kept.as_bytes());
            prop_assert_eq!(usize::from(screen.screen().cursor_position().1), width(&kept), "{:?}", kept);
            compared.set(compared.get() + 1);
        }
        Ok(())
    });
    println!(
        "{STRINGS} strings: {} compared, {} without some sign made of several",
        compared.get(),
        own_way.get()
    );
    checked.unwrap();
    assert!(compared.get() > STRINGS / 100 * 95, "{} compared", compared.get());
}

/// Of the characters, one after the other.
fn columns(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

#[test]
fn of_100000_plain_texts_none_is_changed() {
    let plain = "[ -~\n\tà-ÿΑ-Ωа-яא-ת一-鿿가-힣ァ-ン😀-😿]{0,60}";
    runner()
        .run(&plain, |raw| {
            let safe = SafeText::new(&raw);
            prop_assert_eq!(safe.as_str(), raw.as_str());
            Ok(())
        })
        .unwrap();
}
