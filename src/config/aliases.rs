//! How much YAML is once its aliases are written out: a few lines of them can stand for more than any machine holds.

use yaml_rust2::parser::{Event, EventReceiver, Parser};

/// Characters with every alias written out, up to where it does not parse: a parser builds all that comes before.
pub(super) fn written_out(text: &str) -> usize {
    // Neither can be without its sign.
    if !text.contains('*') || !text.contains('&') {
        return text.len();
    }
    let mut size = Size::default();
    // What does not parse is told by whoever parses it next.
    let _ = Parser::new_from_str(text).load(&mut size, true);
    size.total
}

#[derive(Default)]
struct Size {
    total: usize,
    /// The anchor of each open sequence or mapping, and the total before it.
    open: Vec<(usize, usize)>,
    /// Sizes by anchor.
    anchored: std::collections::HashMap<usize, usize>,
}

impl Size {
    fn begin(&mut self, anchor: usize) {
        self.open.push((anchor, self.total));
        self.total = self.total.saturating_add(1);
    }

    fn end(&mut self) {
        if let Some((anchor, before)) = self.open.pop() {
            self.anchored.insert(anchor, self.total.saturating_sub(before));
        }
    }
}

impl EventReceiver for Size {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                self.begin(anchor);
                self.total = self.total.saturating_add(text.len());
                self.end();
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => self.begin(anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let size = self.anchored.get(&anchor).copied().unwrap_or_default();
                self.total = self.total.saturating_add(size.max(1));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_count_as_what_they_stand_for() {
        assert!(written_out("a: &a [xxxx, yyyy]\nb: *a\nc: *a\n") > 3 * 10);
        let levels = (1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1));
        let bomb: String = std::iter::once("a0: &a0 [x, x]\n".to_owned()).chain(levels).collect();
        for end in ["", "b: [*a"] {
            assert!(written_out(&format!("{bomb}{end}")) > 1 << 40, "{end}");
        }
    }
}
