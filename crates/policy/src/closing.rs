//! The moment at which the windows of a policy close.

use jiff::Timestamp;

use super::policy::WindowRule;

/// Returns `true` if experiments may be launched: no window that denies holds, and one that allows, if there
/// is any such window.
fn is_open<'a>(windows: impl Iterator<Item = (&'a WindowRule, bool)>) -> bool {
    let (mut has_allowed, mut is_allowed) = (false, false);
    for (rule, holds) in windows {
        match rule {
            WindowRule::Deny(_) if holds => return false,
            WindowRule::Deny(_) => {}
            WindowRule::Allow(_) => {
                has_allowed = true;
                is_allowed |= holds;
            }
        }
    }
    is_allowed || !has_allowed
}

/// Returns the first moment after `now`, up to `until`, at which nothing may be launched any more; `None` if
/// it may all the time.
pub(crate) fn find_closing(windows: &[WindowRule], now: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let mut holds: Vec<bool> = windows.iter().map(|rule| rule.window().holds_at(now)).collect();
    let turns = |(place, rule): (usize, &WindowRule)| {
        let turns = rule.window().turns(now, until);
        turns.into_iter().map(move |turn| (turn, place))
    };
    let mut turns: Vec<(Timestamp, usize)> = windows.iter().enumerate().flat_map(turns).collect();
    turns.sort_unstable();
    for at_once in turns.chunk_by(|a, b| a.0 == b.0) {
        let moment = at_once.first()?.0;
        let mut has_changed = false;
        for (_, place) in at_once {
            let now_holds = windows[*place].window().holds_at(moment);
            has_changed |= now_holds != holds[*place];
            holds[*place] = now_holds;
        }
        if has_changed && !is_open(windows.iter().zip(holds.iter().copied())) {
            return Some(moment);
        }
    }
    None
}
