//! Text into lines that fit: by words, by graphemes where a word is too long.

use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A tabulator is shown as this many blanks.
pub const TAB: &str = "    ";

/// Columns that a piece of text takes; a tabulator counts as [`TAB`].
pub fn width(text: &str) -> usize {
    if is_plain(text.as_bytes()) {
        return text.len();
    }
    text.graphemes(true).map(grapheme_width).sum()
}

/// Whether a text is printable ASCII, so that one byte is one column: most of what is drawn is, and need not be
/// taken apart into graphemes.
pub fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The first bytes of a text, one more than `columns`, if they are plain.
fn plain_head(text: &str, columns: usize) -> Option<&[u8]> {
    Some(&text.as_bytes()[..text.len().min(columns + 1)]).filter(|head| is_plain(head))
}

/// Whether a text takes more than this many columns; of a long one only the beginning is looked at.
pub fn exceeds(text: &str, columns: usize) -> bool {
    if let Some(head) = plain_head(text, columns) {
        return head.len() > columns;
    }
    let mut used = 0;
    text.graphemes(true).any(|grapheme| {
        used += grapheme_width(grapheme);
        used > columns
    })
}

/// Columns of one grapheme.
pub fn grapheme_width(grapheme: &str) -> usize {
    match grapheme {
        "\t" => TAB.len(),
        "\n" => 0,
        _ => grapheme.width() + grapheme.chars().filter(|c| is_sound_mark(*c)).count(),
    }
}

/// The voiced marks of half-width katakana: part of a grapheme, and yet a column of their own on every terminal.
const fn is_sound_mark(c: char) -> bool {
    matches!(c, '\u{ff9e}' | '\u{ff9f}')
}

/// The beginning of `text` that fits into `columns`, ending in `…` if something is cut.
pub fn clip(text: &str, columns: usize, ellipsis: &str) -> String {
    if !exceeds(text, columns) {
        return text.to_owned();
    }
    let room = columns.saturating_sub(width(ellipsis));
    let (mut used, mut end) = (0, 0);
    if plain_head(text, room).is_some() {
        end = room;
    } else {
        for grapheme in text.graphemes(true) {
            used += grapheme_width(grapheme);
            if used > room {
                break;
            }
            end += grapheme.len();
        }
    }
    let mut kept = text[..end].to_owned();
    if columns > 0 {
        kept.push_str(ellipsis);
    }
    kept
}

/// Cuts `text` into byte ranges, each one line of at most `columns` columns. Never empty; every byte but the
/// line breaks lies in exactly one range. Blanks at a wrap stay at the end of their line, beyond its width.
pub fn wrap(text: &str, columns: usize) -> Vec<Range<usize>> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        if line.is_ascii() && !line.contains('\t') && line.len() <= columns {
            lines.push(start..start + line.len());
        } else {
            wrap_line(line, start, columns, &mut lines);
        }
        start += line.len() + 1;
    }
    lines
}

fn wrap_line(line: &str, base: usize, columns: usize, lines: &mut Vec<Range<usize>>) {
    if is_plain(line.as_bytes()) {
        // A log in a message is long and plain: one byte is one column.
        let signs = line.bytes().enumerate().map(|(at, byte)| (at, 1, 1, byte == b' '));
        return fill(signs, line.len(), base, columns, lines);
    }
    let signs = line.grapheme_indices(true).map(|(at, grapheme)| {
        let blank = grapheme == " " || grapheme == "\t";
        (at, grapheme.len(), grapheme_width(grapheme), blank)
    });
    fill(signs, line.len(), base, columns, lines);
}

/// Signs are told by place, bytes, columns, and whether they are blank.
fn fill(
    signs: impl Iterator<Item = (usize, usize, usize, bool)>,
    len: usize,
    base: usize,
    columns: usize,
    lines: &mut Vec<Range<usize>>,
) {
    // `start` of the line being filled, `used` columns of it, `brk` where it may be cut: just after a blank.
    let (mut start, mut used, mut brk) = (0, 0, None::<(usize, usize)>);
    for (at, bytes, wide, blank) in signs {
        if used + wide > columns && at > start && !blank {
            let (cut, before) = brk.filter(|(cut, _)| *cut > start).unwrap_or((at, used));
            lines.push(base + start..base + cut);
            start = cut;
            used -= before;
            brk = None;
            if used + wide > columns && at > start {
                lines.push(base + start..base + at);
                (start, used) = (at, 0);
            }
        }
        used += wide;
        if blank {
            brk = Some((at + bytes, used));
        }
    }
    lines.push(base + start..base + len);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str, columns: usize) -> Vec<&str> {
        wrap(text, columns).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn text_is_cut_at_words_then_at_graphemes() {
        assert_eq!(lines("the quick brown fox", 10), ["the quick ", "brown fox"]);
        assert_eq!(lines("incomprehensibilities", 8), ["incompre", "hensibil", "ities"]);
        assert_eq!(lines("a verylongwordindeed b", 8), ["a ", "verylong", "wordinde", "ed b"]);
        assert_eq!(lines("one\n\ntwo", 20), ["one", "", "two"]);
        assert_eq!(lines("東京都港区", 5), ["東京", "都港", "区"]);
        assert_eq!(lines("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 3), ["👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"]);
    }

    #[test]
    fn clipping_counts_columns() {
        assert_eq!(clip("Move DNS to the new host", 12, "…"), "Move DNS to…");
        assert_eq!(clip("東京都港区", 5, "…"), "東京…");
        assert_eq!(clip("short", 5, "…"), "short");
    }

    proptest! {
        #[test]
        fn plain_text_needs_no_graphemes(text in "[ -~]{0,9}[ -~é東\u{301}👍\t]{0,6}", columns in 0_usize..14) {
            let wide: usize = text.graphemes(true).map(grapheme_width).sum();
            prop_assert_eq!(width(&text), wide);
            prop_assert_eq!(exceeds(&text, columns), wide > columns);
            let clipped = clip(&text, columns, "…");
            prop_assert!(width(&clipped) <= columns, "{}", clipped);
            let kept = clipped.strip_suffix('…').unwrap_or(&clipped);
            prop_assert!(text.starts_with(kept), "{}", clipped);
            // What is left out would not have fitted, and is no part of what is kept.
            let next = text[kept.len()..].graphemes(true).next();
            prop_assert!(next.is_none_or(|next| columns == 0 || width(kept) + grapheme_width(next) >= columns));
            prop_assert!(!text[kept.len()..].starts_with('\u{301}') || kept.is_empty(), "{}", clipped);
        }

        #[test]
        fn no_line_is_too_wide_and_nothing_is_lost(text in "[a-z é東👍\n\t]{0,120}", columns in 2_usize..30) {
            let ranges = wrap(&text, columns);
            let joined: String = ranges.iter().map(|range| &text[range.clone()]).collect();
            prop_assert_eq!(joined, text.replace('\n', ""));
            for range in ranges {
                let line = text[range].trim_end_matches([' ', '\t']);
                prop_assert!(width(line) <= columns.max(4), "{:?}", line);
            }
        }
    }
}
