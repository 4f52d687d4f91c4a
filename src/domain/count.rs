//! Numbers of things in words.

/// So many of a thing: `1 seal`, `2 seals`.
///
/// ```
/// use kaygia_desk::domain::count::counted;
/// assert_eq!((counted(1, "seal"), counted(0, "mail to them")), ("1 seal".into(), "0 mails to them".into()));
/// ```
pub fn counted(number: impl Into<i128>, one: &str) -> String {
    let number = number.into();
    let (thing, rest) = one.find(' ').map_or((one, ""), |at| one.split_at(at));
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}{rest}")
}

/// Those of which there are some: `1 draft, 2 sessions and 3 mails`; none when there is nothing at all.
pub fn listed(things: &[(i64, &str)]) -> Option<String> {
    let mut there: Vec<String> =
        things.iter().filter(|(number, _)| *number != 0).map(|(number, one)| counted(*number, one)).collect();
    let last = there.pop()?;
    Some(if there.is_empty() { last } else { format!("{} and {last}", there.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_listed() {
        assert_eq!(listed(&[(0, "draft"), (0, "mail")]), None);
        assert_eq!(listed(&[(0, "draft"), (1, "mail to them")]).as_deref(), Some("1 mail to them"));
        let all = listed(&[(1, "draft"), (2, "session"), (3, "mail")]);
        assert_eq!(all.as_deref(), Some("1 draft, 2 sessions and 3 mails"));
    }
}
