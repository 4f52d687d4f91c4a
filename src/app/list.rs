//! A cursor in a list, and the part of the list that is on the screen.

/// Where the cursor stands and which row is drawn first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListCursor {
    /// The row under the cursor.
    pub selected: usize,
    /// The first row on the screen.
    pub offset: usize,
}

impl ListCursor {
    /// Moves by rows; stays inside `len`. Keeps the cursor inside a window of `page` rows.
    pub fn step(&mut self, by: isize, len: usize, page: usize) {
        self.select(self.selected.saturating_add_signed(by), len, page);
    }

    /// Goes to a row and shows it.
    pub fn select(&mut self, row: usize, len: usize, page: usize) {
        self.selected = row.min(len.saturating_sub(1));
        self.show(len, page);
    }

    /// Moves the window so that the cursor is in it and no room is wasted.
    pub fn show(&mut self, len: usize, page: usize) {
        let page = page.max(1);
        self.selected = self.selected.min(len.saturating_sub(1));
        if self.selected < self.offset {
            self.offset = self.selected;
        } else if self.selected >= self.offset + page {
            self.offset = self.selected + 1 - page;
        }
        self.offset = self.offset.min(len.saturating_sub(page));
    }

    /// Moves the window; the cursor follows only when it would leave it.
    pub fn scroll(&mut self, by: isize, len: usize, page: usize) {
        self.offset = self.offset.saturating_add_signed(by).min(len.saturating_sub(page));
        let last = (self.offset + page.max(1)).min(len.max(1)) - 1;
        self.selected = self.selected.clamp(self.offset.min(last), last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_cursor_is_always_on_the_screen(
            moves in proptest::collection::vec((-60_isize..60, any::<bool>()), 1..40),
            len in 0_usize..100,
            page in 1_usize..20,
        ) {
            let mut cursor = ListCursor::default();
            for (by, scrolls) in moves {
                if scrolls { cursor.scroll(by, len, page) } else { cursor.step(by, len, page) }
                prop_assert!(cursor.selected < len.max(1));
                prop_assert!(cursor.offset <= cursor.selected && cursor.selected < cursor.offset + page);
            }
        }
    }
}
