//! Launches whose answers were lost. Each may have begun an experiment, which is looked for by its tags: a
//! request with the launch token would find it as well, but would begin it where it does not exist.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_fis::types::Experiment;

use super::clients::Clients;
use super::error::failure;
use super::launch::{ExperimentLaunch, get};
use super::pages::read_listed;
use super::tags::{RUN, moment};
use crate::{EngineFailure, Notary};
use faultgate_core::clock::Clock;
use faultgate_core::model::Intent;
use faultgate_core::text;
use faultgate_net::aws::AwsPlace;

/// Pauses before the requests that look for an experiment: FIS may list it a while after it has begun it.
const SEARCH_PAUSES: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_millis(1500),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// The launches whose answers are not known, by the names of the experiments.
#[derive(Default)]
pub(super) struct Doubts(RefCell<BTreeMap<String, Doubt>>);

#[derive(Default)]
struct Doubt {
    client_tokens: Vec<String>,
    /// The time at which the first request went out; None where another process sent it.
    since: Option<jiff::Timestamp>,
}

impl Doubts {
    /// Adds a launch that another process was about to make.
    pub(super) fn recall(&self, name: &str, intent: &Intent) {
        let doubt = Doubt { client_tokens: intent.client_tokens.clone(), since: None };
        self.0.borrow_mut().insert(name.to_owned(), doubt);
    }

    /// Returns `true` if the launch of this experiment is in doubt.
    pub(super) fn is_in(&self, name: &str) -> bool {
        self.0.borrow().contains_key(name)
    }

    /// Ends the doubt: it is known what became of the launch.
    pub(super) fn settle(&self, name: &str) {
        self.0.borrow_mut().remove(name);
    }

    /// Returns the way in which a person looks for the experiment of a launch, if that is in doubt.
    pub(super) fn how_to_look(&self, launch: &ExperimentLaunch<'_>, place: &AwsPlace) -> Option<String> {
        let doubts = self.0.borrow();
        let Doubt { client_tokens, since } = doubts.get(launch.name)?;
        let since = since.map(|since| format!(" at {}", moment(since))).unwrap_or_default();
        let tokens = match client_tokens.as_slice() {
            [] => String::new(),
            tokens => format!(" with the client token {}", tokens.join(" or ")),
        };
        Some(format!(
            "faultgate stop looks for it again and stops it, or look by hand: {} (asked for{since}{tokens}; its tag {RUN} is {})",
            text::code(&format!(
                "aws fis list-experiments --region {} --experiment-template-id {}",
                place.region, launch.template
            )),
            launch.run.id
        ))
    }
}

/// A notary that also adds each launch to the doubts before its request goes out.
pub(super) struct Doubting<'a> {
    pub(super) doubts: &'a Doubts,
    pub(super) name: &'a str,
    pub(super) clock: Clock,
    pub(super) notary: &'a dyn Notary,
}

#[async_trait(?Send)]
impl Notary for Doubting<'_> {
    async fn intend(&self, intent: Intent) {
        // The block ends the borrow before the await.
        {
            let mut doubts = self.doubts.0.borrow_mut();
            let doubt = doubts.entry(self.name.to_owned()).or_default();
            doubt.since.get_or_insert(self.clock.now());
            let tokens = intent.client_tokens.iter().filter(|token| !doubt.client_tokens.contains(token));
            let tokens: Vec<String> = tokens.cloned().collect();
            doubt.client_tokens.extend(tokens);
        }
        self.notary.intend(intent).await;
    }
}

impl ExperimentLaunch<'_> {
    /// Looks repeatedly for an experiment that a request without an answer may have begun. Where none is
    /// found, the result of the last look counts.
    pub(super) async fn search(
        &self,
        clients: &Clients,
        place: &AwsPlace,
    ) -> Result<Option<Experiment>, EngineFailure> {
        let mut seen = Ok(None);
        for pause in SEARCH_PAUSES {
            tokio::time::sleep(pause).await;
            seen = self.find(clients, place).await;
            if matches!(seen, Ok(Some(_))) {
                break;
            }
        }
        seen
    }

    /// Looks once for the experiment, by its tags.
    pub(super) async fn find(
        &self,
        clients: &Clients,
        place: &AwsPlace,
    ) -> Result<Option<Experiment>, EngineFailure> {
        let what = format!("look for an experiment of the template {}", self.template);
        let mut pages =
            clients.fis.list_experiments().experiment_template_id(self.template).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(error, "ListExperiments", &what, place))?;
            for summary in read_listed(page.experiments, &what)? {
                let tag = |key: &str| summary.tags().and_then(|tags| tags.get(key)).map(String::as_str);
                if let (true, Some(id)) = (self.has_made(tag), summary.id()) {
                    return get(clients, place, id).await.map(Some);
                }
            }
        }
        Ok(None)
    }
}
