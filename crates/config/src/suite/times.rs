//! The times of experiments that contradict each other.

use faultgate_core::duration::exact;
use faultgate_core::mistake::{Mistake, Problem};
use faultgate_core::model::{CommandSpec, EngineKind};

use crate::inputs::table::{REHEARSAL, TIMEOUT};
use crate::layers::file::{Document, below};
use crate::layers::values::Values;
use crate::suite::blocks::Block;
use crate::suite::content::ListedExperiment;
use crate::suite::keys::is_blank;

/// Tells of commands that cannot end before their timeout.
pub(crate) fn tell(
    entries: &[ListedExperiment],
    values: &Values,
    document: &Document,
    mistakes: &mut Vec<Mistake>,
) {
    // The scenario of a rehearsal has times of its own.
    if values.set(REHEARSAL).is_some() {
        return;
    }
    for entry in entries {
        let Block::Command(CommandSpec { duration, .. }) = &entry.block else { continue };
        let is_own = !is_blank(document.find(&below(&entry.path, TIMEOUT.name())));
        // A timeout that is wrong has been told, and no other stands in for it.
        let timeout = if is_own { entry.timeout } else { values.get(TIMEOUT.setting) };
        let Some(timeout) = timeout.filter(|timeout| duration >= timeout) else { continue };
        let path = below(&below(&entry.path, EngineKind::Command.as_str()), "duration");
        let problem = Problem::new(format!("is not shorter than the timeout, {}", exact(timeout)))
            .hint("set a longer timeout");
        let written = document.written.get(&path).map(String::as_str);
        let mistake = problem.at(&path, &exact(*duration), &document.origin, written);
        mistakes.push(mistake.at(document.value_at(&path)));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::Case;

    fn told(experiment: &str, flags: &[(&'static str, &'static str)]) -> Vec<String> {
        let suite = format!("version: 1\nexperiments: [{experiment}]\n");
        let case = Case { suite: Some(&suite), flags: flags.to_vec(), ..Case::default() };
        case.load().err().unwrap_or_default()
    }

    #[test]
    fn a_command_ends_before_its_timeout() {
        let own = "{ name: a, timeout: 5m, command: { run: [x], duration: 5m } }";
        assert_eq!(
            told(own, &[]),
            ["experiments[0].command.duration: \"5m\" is not shorter than the timeout, 5m (from \
                 .faultgate.yml:2:70); set a longer timeout"]
        );
        let of_run = "{ name: a, command: { run: [x], duration: 5m } }";
        assert_eq!(told(of_run, &[]).len(), 0);
        assert_eq!(told(of_run, &[("timeout", "4m")]).len(), 1);
        assert_eq!(told(of_run, &[("timeout", "4m"), ("rehearsal", "completed")]).len(), 0);
    }

    #[test]
    fn a_timeout_that_is_wrong_is_one_mistake() {
        let wrong = "{ name: a, timeout: 5 parsecs, command: { run: [x], duration: 45m } }";
        assert_eq!(told(wrong, &[]).len(), 1);
        let unset = "{ name: a, timeout: '${UNSET}', command: { run: [x], duration: 45m } }";
        assert_eq!(told(unset, &[]).len(), 1);
        let of_run = "{ name: a, command: { run: [x], duration: 45m } }";
        assert_eq!(told(of_run, &[("timeout", "5 parsecs")]).len(), 1);
    }
}
