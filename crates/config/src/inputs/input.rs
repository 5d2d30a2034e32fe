//! The definition of one input, and the handles by which code reads its value.
//!
//! A handle knows the type of the value: [`Setting`] that of an input which may have none, [`Preset`] that of
//! an input with a default. There is no other way to a value, so that an input that does not exist, or has
//! another type, does not compile.

use super::kind::{Kind, Parsed};
use super::typed::Typed;

/// The sections of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Experiment,
    Aws,
    Harness,
    Litmus,
    Gate,
    Monitoring,
    Forge,
    Reports,
    General,
}

impl Group {
    pub const ALL: [Self; 9] = [
        Self::Experiment,
        Self::Aws,
        Self::Harness,
        Self::Litmus,
        Self::Gate,
        Self::Monitoring,
        Self::Forge,
        Self::Reports,
        Self::General,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Experiment => "Experiment",
            Self::Aws => "AWS",
            Self::Harness => "Harness",
            Self::Litmus => "Litmus",
            Self::Gate => "Gate",
            Self::Monitoring => "Monitoring",
            Self::Forge => "Forge",
            Self::Reports => "Reports",
            Self::General => "General",
        }
    }
}

/// The values that `launch` writes to the state file, for `monitor` and `score`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HandedOn {
    Always,
    /// The address of a control plane says who receives a secret, so each step must get it from its own
    /// settings.
    UnlessAddress,
    Never,
}

impl HandedOn {
    /// The values of a group that are handed on: those that say what is run, and how it is judged.
    const fn of(group: Group) -> Self {
        match group {
            Group::Experiment | Group::Aws | Group::Gate | Group::Monitoring => Self::Always,
            Group::Harness | Group::Litmus => Self::UnlessAddress,
            Group::Forge | Group::Reports | Group::General => Self::Never,
        }
    }
}

/// One input, as the table defines it.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    pub name: &'static str,
    pub group: Group,
    pub(crate) kind: Kind,
    /// Meaning on one line, without the forms and ranges, which the kind knows.
    help: &'static str,
    pub(crate) default: Option<&'static str>,
    /// Description of what happens without a value, where the default is not a plain value.
    default_note: Option<&'static str>,
    pub(crate) example: Option<&'static str>,
    in_suite: bool,
    handed_on: HandedOn,
}

impl Input {
    const fn new(group: Group, name: &'static str, kind: Kind, help: &'static str) -> Self {
        let handed_on = HandedOn::of(group);
        let (default, default_note, example) = (None, None, None);
        Self { name, group, kind, help, default, default_note, example, in_suite: true, handed_on }
    }

    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }

    /// The name of the flag, without its dashes. A secret has none, since every process can read a command
    /// line.
    pub fn flag(&self) -> Option<&'static str> {
        (!self.is_secret()).then_some(self.name)
    }

    /// The name of faultgate's own variable, such as `FAULTGATE_TIMEOUT`.
    pub fn variable(&self) -> String {
        format!("FAULTGATE_{}", self.upper())
    }

    /// The names of the variables that a CI makes from an action's inputs: GitHub keeps hyphens, others do
    /// not.
    pub fn ci_variables(&self) -> [String; 2] {
        [format!("INPUT_{}", self.name.to_ascii_uppercase()), format!("INPUT_{}", self.upper())]
    }

    /// `true` if the suite file may set the input.
    pub fn in_suite(&self) -> bool {
        !self.is_secret() && self.in_suite
    }

    /// `true` if `launch` writes this value to the state file.
    pub(crate) fn is_handed_on(&self, value: &str) -> bool {
        let of_the_run = match self.handed_on {
            HandedOn::Always => true,
            HandedOn::UnlessAddress => !value.contains("://"),
            HandedOn::Never => false,
        };
        of_the_run && !self.is_secret()
    }

    /// The meaning of the input, with the forms, units and range of its value.
    pub fn description(&self) -> String {
        let mut text = self.help.to_owned();
        if let Some(forms) = self.kind.forms() {
            text = format!("{text} Value: {forms}.");
        }
        text
    }

    /// The meaning of the input, without the forms of its value.
    pub fn meaning(&self) -> &'static str {
        self.help
    }

    /// The forms, units and range of the value, for people.
    pub fn forms(&self) -> Option<String> {
        self.kind.forms()
    }

    /// A value that the input takes. A secret has none.
    pub fn example(&self) -> Option<&'static str> {
        self.example
    }

    /// The words that the input takes, if it takes no others.
    pub fn choices(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Choice(words) => words,
            Kind::Bool => &["true", "false"],
            _ => &[],
        }
    }

    /// `true` if the value is the path of a file or folder.
    pub fn is_path(&self) -> bool {
        matches!(self.kind, Kind::Path)
    }

    /// The word that stands for the value in a usage line.
    pub fn placeholder(&self) -> &'static str {
        self.kind.placeholder()
    }

    /// The default value, or the note on it, as the reference shows it.
    pub fn default_text(&self) -> Option<&'static str> {
        self.default.or(self.default_note)
    }

    fn upper(&self) -> String {
        self.name.to_ascii_uppercase().replace('-', "_")
    }
}

/// A way to the value of an input.
pub(crate) trait Handle: Copy {
    type Value;

    fn definition(&self) -> &Input;

    /// The value in this form. An input that is not set, or whose value is a mistake, has no `parsed` value.
    fn convert(&self, parsed: Option<&Parsed>) -> Self::Value;
}

impl<H: Handle> Handle for &H {
    type Value = H::Value;

    fn definition(&self) -> &Input {
        (**self).definition()
    }

    fn convert(&self, parsed: Option<&Parsed>) -> Self::Value {
        (**self).convert(parsed)
    }
}

/// The handle of an input that may have no value.
#[derive(Debug)]
pub(crate) struct Setting<T> {
    pub(crate) input: Input,
    read: fn(&Parsed) -> Option<T>,
}

impl<T> Clone for Setting<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Setting<T> {}

impl<T> Setting<T> {
    pub(crate) const fn new(
        group: Group,
        name: &'static str,
        Typed { kind, read }: Typed<T>,
        help: &'static str,
    ) -> Self {
        Self { input: Input::new(group, name, kind, help), read }
    }

    /// Sets the note on what happens without a value.
    pub(crate) const fn otherwise(mut self, note: &'static str) -> Self {
        self.input.default_note = Some(note);
        self
    }

    pub(crate) const fn example(mut self, value: &'static str) -> Self {
        self.input.example = Some(value);
        self
    }

    pub(crate) const fn not_in_suite(mut self) -> Self {
        self.input.in_suite = false;
        self
    }

    pub(crate) const fn handed_on(mut self, handed_on: HandedOn) -> Self {
        self.input.handed_on = handed_on;
        self
    }

    /// Sets the default: its text, and the value that this text stands for.
    pub(crate) const fn default<D: Copy>(mut self, text: &'static str, value: D) -> Preset<T, D> {
        self.input.default = Some(text);
        Preset { setting: self, default: value }
    }

    /// Sets the default of a text, which is the value.
    pub(crate) const fn default_text(self, text: &'static str) -> Preset<T, &'static str> {
        self.default(text, text)
    }

    pub(crate) const fn input(&self) -> Input {
        self.input
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.input.name
    }
}

impl<T> Handle for Setting<T> {
    type Value = Option<T>;

    fn definition(&self) -> &Input {
        &self.input
    }

    fn convert(&self, parsed: Option<&Parsed>) -> Option<T> {
        parsed.and_then(self.read)
    }
}

/// The handle of an input with a default, which also stands in for a value that is a mistake: the run is
/// refused then, and only the rest of the settings is still judged. `D` is the type of the default in the
/// table.
#[derive(Debug)]
pub(crate) struct Preset<T, D = T> {
    /// The handle by which a value that is a mistake is none.
    pub(crate) setting: Setting<T>,
    default: D,
}

impl<T, D: Copy> Clone for Preset<T, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, D: Copy> Copy for Preset<T, D> {}

impl<T, D: Copy + Into<T>> Handle for Preset<T, D> {
    type Value = T;

    fn definition(&self) -> &Input {
        &self.setting.input
    }

    fn convert(&self, parsed: Option<&Parsed>) -> T {
        self.setting.convert(parsed).unwrap_or_else(|| self.default.into())
    }
}

impl<T, D> Preset<T, D> {
    pub(crate) const fn input(&self) -> Input {
        self.setting.input
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.setting.input.name
    }
}

/// The handle of an input that is a secret. Its value is in no layer, so nothing here reads it.
#[derive(Debug)]
pub(crate) struct SecretInput {
    pub(crate) input: Input,
}

impl SecretInput {
    pub(crate) const fn new(group: Group, name: &'static str, help: &'static str) -> Self {
        Self { input: Input::new(group, name, Kind::Secret, help) }
    }

    /// Sets the note on what happens without a value.
    pub(crate) const fn otherwise(mut self, note: &'static str) -> Self {
        self.input.default_note = Some(note);
        self
    }

    pub(crate) const fn input(&self) -> Input {
        self.input
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A handle whose default can be compared with its text.
    pub(crate) trait Agreement {
        fn agrees(&self) -> bool;
    }

    impl<T> Agreement for Setting<T> {
        fn agrees(&self) -> bool {
            self.input.default.is_none()
        }
    }

    impl Agreement for SecretInput {
        fn agrees(&self) -> bool {
            self.input.default.is_none()
        }
    }

    impl<T: PartialEq, D: Copy + Into<T>> Agreement for Preset<T, D> {
        fn agrees(&self) -> bool {
            let text = self.setting.input.default.unwrap_or_default();
            let parsed = self.setting.input.kind.parse(text).ok();
            self.setting.convert(parsed.as_ref()) == Some(self.default.into())
        }
    }
}
