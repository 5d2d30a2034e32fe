//! The choice of sections for a page that has no room for everything. The weightiest sections are taken
//! first, and the page names the kinds of those that are left out.

/// The limits of the place that a summary goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLimits {
    /// Maximum size of the page in bytes.
    pub(crate) budget: usize,
    /// `true` if its Markdown takes HTML.
    pub(crate) html: bool,
    /// `true` if it draws Mermaid diagrams.
    pub(crate) mermaid: bool,
    /// `true` if it must not tell ARNs and ids of accounts.
    pub(crate) hides_accounts: bool,
}

/// The kind of a section. Kinds are in the order in which sections are left out, the least telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SectionKind {
    TargetsOfPassed,
    Timeline,
    ActionsOfPassed,
    ProbesOfPassed,
    Passed,
    Findings,
    Evidence,
    Targets,
    Actions,
    Score,
    Change,
    Probes,
    NotPassed,
    Leftovers,
    Reports,
}

impl SectionKind {
    const ALL: [Self; 15] = [
        Self::TargetsOfPassed,
        Self::Timeline,
        Self::ActionsOfPassed,
        Self::ProbesOfPassed,
        Self::Passed,
        Self::Findings,
        Self::Evidence,
        Self::Targets,
        Self::Actions,
        Self::Score,
        Self::Change,
        Self::Probes,
        Self::NotPassed,
        Self::Leftovers,
        Self::Reports,
    ];

    /// Returns `true` if the section makes sense only below the section of its experiment.
    fn is_part(self) -> bool {
        matches!(
            self,
            Self::TargetsOfPassed
                | Self::ActionsOfPassed
                | Self::ProbesOfPassed
                | Self::Evidence
                | Self::Targets
                | Self::Actions
                | Self::Probes
        )
    }

    /// The words for this kind in the note about sections that are left out.
    fn words(self) -> &'static str {
        match self {
            Self::TargetsOfPassed => "targets of experiments that passed",
            Self::Timeline => "the timeline",
            Self::ActionsOfPassed => "actions of experiments that passed",
            Self::ProbesOfPassed => "probes of experiments that passed",
            Self::Passed => "sections of experiments that passed",
            Self::Findings => "what was found before the launch",
            Self::Evidence => "evidence",
            Self::Targets => "targets of experiments that did not pass",
            Self::Actions => "actions of experiments that did not pass",
            Self::Score => "how the score came about",
            Self::Change => "what has changed since the earlier run",
            Self::Probes => "probes of experiments that did not pass",
            Self::NotPassed => "sections of experiments that did not pass",
            Self::Leftovers => "what was not removed",
            Self::Reports => "the reports that are missing",
        }
    }
}

/// A section of a page.
#[derive(Debug)]
pub(super) struct PageSection {
    pub(super) kind: SectionKind,
    /// Index of the experiment that the section is about, or `None` if it is about the run.
    pub(super) experiment: Option<usize>,
    pub(super) text: String,
    /// Text after the last part of the same experiment that is kept: the end of what the section begins.
    pub(super) close: &'static str,
}

impl PageSection {
    fn length(&self) -> usize {
        self.text.len() + self.close.len()
    }
}

/// Number of bytes that are kept for the note about sections that are left out.
const NOTE_BYTES: usize = 800;

/// Puts the head, as many sections as fit and the foot on a page of at most `budget` bytes. The sections that
/// fit stay in their order.
pub(super) fn fit(head: String, sections: &[PageSection], foot: &str, budget: usize) -> String {
    let ends = head.len() + foot.len();
    let whole = sections.iter().map(PageSection::length).sum::<usize>();
    if ends + whole <= budget {
        let mut page = head;
        put(&mut page, sections.iter());
        page.push_str(foot);
        return page;
    }
    let kept = choose(sections, budget.saturating_sub(ends + NOTE_BYTES));
    let mut page = head;
    put(&mut page, kept.iter().map(|place| &sections[*place]));
    // The head may be longer than its share, so note and foot come only if there is room.
    for part in [&note(sections, &kept), foot] {
        if page.len() + part.len() <= budget {
            page.push_str(part);
        }
    }
    cut(page, budget)
}

/// Puts sections on a page, and closes those of an experiment after its last one.
fn put<'s>(page: &mut String, sections: impl Iterator<Item = &'s PageSection>) {
    let mut open: Option<&PageSection> = None;
    for section in sections {
        if let Some(ended) = open.take_if(|open| open.experiment != section.experiment) {
            page.push_str(ended.close);
        }
        page.push_str(&section.text);
        if !section.close.is_empty() {
            open = Some(section);
        }
    }
    page.push_str(open.map_or("", |open| open.close));
}

/// Returns the indices of the sections that fit into `room` bytes. The weightiest are taken first.
fn choose(sections: &[PageSection], mut room: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sections.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(sections[*place].kind));
    let mut kept: Vec<usize> = Vec::new();
    // Experiments whose own section was taken. It is weightier than its parts, so it comes before them.
    let mut headed: Vec<Option<usize>> = Vec::new();
    for place in order {
        let section @ PageSection { kind, experiment, .. } = &sections[place];
        // A part without the section of its experiment would seem to belong to the one before.
        if section.length() > room || (kind.is_part() && !headed.contains(experiment)) {
            continue;
        }
        room -= section.length();
        kept.push(place);
        if !kind.is_part() {
            headed.push(*experiment);
        }
    }
    // The order of the page is that of the sections, and not that of their weights.
    kept.sort_unstable();
    kept
}

/// Returns the note that names the kinds of missing sections. Parts of a missing section are not named:
/// whoever misses the section of an experiment knows that its parts are gone too.
fn note(sections: &[PageSection], kept: &[usize]) -> String {
    let headed: Vec<Option<usize>> = kept.iter().map(|place| sections[*place].experiment).collect();
    let is_missing = |(place, section): (usize, &PageSection)| {
        let is_told = section.kind.is_part() && !headed.contains(&section.experiment);
        (!kept.contains(&place) && !is_told).then_some(section.kind)
    };
    let missing: Vec<SectionKind> = sections.iter().enumerate().filter_map(is_missing).collect();
    let missing = SectionKind::ALL.into_iter().filter(|kind| missing.contains(kind)).map(SectionKind::words);
    format!(
        "**Left out, since it does not fit here**: {}. In the report folder, `summary.md` has more and `result.json` \
         has all of it.\n\n",
        missing.collect::<Vec<_>>().join(", ")
    )
}

/// Cuts a page off between two characters. This is the last resort, for a head that is too long.
fn cut(mut page: String, budget: usize) -> String {
    let mut end = budget.min(page.len());
    while !page.is_char_boundary(end) {
        end -= 1;
    }
    page.truncate(end);
    page
}
