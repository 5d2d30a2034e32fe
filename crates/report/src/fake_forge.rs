//! A forge for tests of sinks, on a paused clock: it answers as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use crate::forge::{
    Again, Capacity, CommentLimits, CommitStatus, Connection, Denied, Forge, ForgeFailure, NoForge, Rival,
    StatusState,
};
use faultgate_core::model::ForgeKind;

/// A request to the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ForgeAsked {
    Status(String, StatusState, String),
    Find,
    Create(String),
    Update(String, String),
}

/// The rule by which a forge limits requests.
#[derive(Debug, Clone, Copy)]
enum LimitRule {
    /// GitHub's: 80 requests that create something in any minute, 500 in any hour, and 1,000 statuses of one context.
    GitHub,
    /// GitLab's: so many requests of any kind between two full minutes. The refusal tells when the next one is.
    GitLab(usize),
}

/// The limits of a forge, with the statuses that it has taken.
#[derive(Debug)]
struct ForgeLimits {
    rule: LimitRule,
    began: Instant,
    taken: Vec<(Instant, CommitStatus)>,
    /// The requests that count, those of others included.
    counted: VecDeque<Instant>,
    refused: usize,
}

impl ForgeLimits {
    fn new(rule: LimitRule, used: usize) -> Self {
        let began = Instant::now();
        Self { rule, began, taken: Vec::new(), counted: vec![began; used].into(), refused: 0 }
    }

    /// Takes a status, or refuses it by the rule.
    fn take(&mut self, status: &CommitStatus) -> Result<(), ForgeFailure> {
        let of_context = self.taken.iter().filter(|(_, taken)| taken.context == status.context).count();
        let is_full = matches!(self.rule, LimitRule::GitHub) && of_context >= 1_000;
        let counted = if is_full { Err(Again::Never) } else { self.count() };
        match counted {
            Ok(()) => {
                self.taken.push((Instant::now(), status.clone()));
                Ok(())
            }
            Err(again) => {
                self.refused += 1;
                let what = format!("set commit status {}", status.context);
                Err(ForgeFailure::new(Denied::with(again), what, "no"))
            }
        }
    }

    /// Counts a request that creates nothing, if the rule counts it.
    fn count_look(&mut self) -> Result<(), Again> {
        match self.rule {
            LimitRule::GitHub => Ok(()),
            LimitRule::GitLab(_) => self.count(),
        }
    }

    /// Counts a request, or says when it may come again.
    fn count(&mut self) -> Result<(), Again> {
        let now = Instant::now();
        let within = |time: Duration| self.counted.iter().rev().take_while(move |at| at.elapsed() < time);
        let minute = Duration::from_secs(60);
        let pause = match self.rule {
            LimitRule::GitHub => {
                let is_full = within(minute).count() >= 80 || within(minute * 60).count() >= 500;
                is_full.then_some(minute)
            }
            LimitRule::GitLab(limit) => {
                let into_minute = Duration::from_secs(now.duration_since(self.began).as_secs() % 60);
                (within(into_minute).count() >= limit).then(|| minute.saturating_sub(into_minute))
            }
        };
        if let Some(pause) = pause {
            return Err(Again::After(pause));
        }
        self.counted.push_back(now);
        Ok(())
    }
}

/// A forge that grants or refuses each request as a test has told it.
#[derive(Clone)]
pub(super) struct FakeForge {
    capacity: Capacity,
    limits: Option<Arc<Mutex<ForgeLimits>>>,
    asked: Arc<Mutex<Vec<ForgeAsked>>>,
    /// The answers to the next requests: a failure, or `None` for a request that is granted. After these, all
    /// are granted.
    refusals: Arc<Mutex<VecDeque<Option<Again>>>>,
    takes: Duration,
    /// Maximum number of bytes of a comment.
    pub(super) limit: usize,
    pub(super) comment: Option<&'static str>,
    /// Another job that has posted the newest status.
    pub(super) rival: Arc<Mutex<Option<Rival>>>,
}

impl FakeForge {
    /// Makes a forge of which each request takes this long.
    pub(super) fn taking(takes: Duration) -> Self {
        Self {
            capacity: Capacity::default(),
            limits: None,
            asked: Arc::default(),
            refusals: Arc::default(),
            takes,
            limit: 2_000,
            comment: None,
            rival: Arc::default(),
        }
    }

    /// Gives the forge GitHub's limits, of which others have used up so many requests just now.
    pub(super) fn with_limits(self, capacity: Capacity, used: usize) -> Self {
        let limits = ForgeLimits::new(LimitRule::GitHub, used);
        Self { capacity, limits: Some(Arc::new(Mutex::new(limits))), ..self }
    }

    /// Gives the forge GitLab's limit of requests in a minute, of which the client does not know.
    pub(super) fn with_limit_of_gitlab(self, per_minute: usize) -> Self {
        let capacity = Capacity { at_once: 2, ..Capacity::default() };
        let limits = ForgeLimits::new(LimitRule::GitLab(per_minute), 0);
        Self { capacity, limits: Some(Arc::new(Mutex::new(limits))), ..self }
    }

    /// Notes that the commit carries so many statuses of a context.
    pub(super) fn carrying(self, context: &str, count: usize) -> Self {
        let state = StatusState::Success;
        let status =
            CommitStatus { context: context.to_owned(), state, description: String::new(), target_url: None };
        let earlier = vec![(Instant::now(), status); count];
        self.limits.as_ref().unwrap().lock().unwrap().taken = earlier;
        self
    }

    /// Returns the number of statuses that were refused because of the limits.
    pub(super) fn refused(&self) -> usize {
        self.limits.as_ref().unwrap().lock().unwrap().refused
    }

    /// Returns the statuses that the forge has taken, in their order.
    pub(super) fn taken(&self) -> Vec<CommitStatus> {
        let limits = self.limits.as_ref().unwrap().lock().unwrap();
        limits.taken.iter().map(|(_, status)| status.clone()).collect()
    }

    /// Refuses the next requests in this way. `None` is granted.
    pub(super) fn refusing(self, refusals: &[Option<Again>]) -> Self {
        self.refusals.lock().unwrap().extend(refusals);
        self
    }

    pub(super) fn connection(&self) -> Connection {
        let forge = self.clone();
        Connection::new(move || {
            let forge: Box<dyn Forge> = Box::new(forge.clone());
            async { Ok::<_, NoForge>(forge) }
        })
    }

    pub(super) fn asked(&self) -> Vec<ForgeAsked> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns the newest state of a context, and its text.
    pub(super) fn last_status(&self, of: &str) -> (StatusState, String) {
        let newest = self.asked().into_iter().rev().find_map(|asked| match asked {
            ForgeAsked::Status(context, state, description) if context == of => Some((state, description)),
            _ => None,
        });
        newest.expect("the context has a status")
    }

    /// Returns the states of a context, in the order in which they were posted.
    pub(super) fn states(&self, of: &str) -> Vec<StatusState> {
        let states = self.asked().into_iter().filter_map(|asked| match asked {
            ForgeAsked::Status(context, state, _) if context == of => Some(state),
            _ => None,
        });
        states.collect()
    }

    async fn answer(&self, asked: ForgeAsked) -> Result<(), ForgeFailure> {
        self.asked.lock().unwrap().push(asked);
        let refused = self.refusals.lock().unwrap().pop_front().flatten();
        sleep(self.takes).await;
        match refused {
            None => Ok(()),
            Some(again) => {
                Err(ForgeFailure::new(Denied::with(again), "do it", "no").remedy("allow it".to_owned()))
            }
        }
    }
}

#[async_trait]
impl Forge for FakeForge {
    fn kind(&self) -> ForgeKind {
        ForgeKind::GitHub
    }

    fn capacity(&self) -> Capacity {
        self.capacity
    }

    fn limits(&self) -> CommentLimits {
        CommentLimits { comment: self.limit, html: true, mermaid: true }
    }

    async fn set_status(&self, status: &CommitStatus) -> Result<(), ForgeFailure> {
        self.answer(ForgeAsked::Status(status.context.clone(), status.state, status.description.clone()))
            .await?;
        self.limits.as_ref().map_or(Ok(()), |limits| limits.lock().unwrap().take(status))
    }

    async fn rival(&self, _context: &str) -> Result<Option<Rival>, ForgeFailure> {
        if let Some(limits) = &self.limits {
            sleep(self.takes).await;
            let counted = limits.lock().unwrap().count_look();
            counted.map_err(|again| ForgeFailure::new(Denied::with(again), "look for a rival", "no"))?;
        }
        Ok(self.rival.lock().unwrap().clone())
    }

    fn no_comment(&self) -> Option<String> {
        None
    }

    async fn find_comment(&self, _marker: &str) -> Result<Option<String>, ForgeFailure> {
        self.answer(ForgeAsked::Find).await?;
        Ok(self.comment.map(str::to_owned))
    }

    async fn create_comment(&self, body: &str) -> Result<(), ForgeFailure> {
        self.answer(ForgeAsked::Create(body.to_owned())).await
    }

    async fn update_comment(&self, id: &str, body: &str) -> Result<(), ForgeFailure> {
        self.answer(ForgeAsked::Update(id.to_owned(), body.to_owned())).await
    }
}
