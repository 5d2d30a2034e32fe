//! Launches whose answers are not known: what they may have begun, and how it is looked for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_fis::types::Experiment;

use super::clients::Clients;
use super::error::failure;
use super::launch::{Launch, get};
use super::tags::{EXPERIMENT, RUN, moment, tag_value};
use crate::{Failure, Notary};
use faultgate_core::clock::Clock;
use faultgate_core::model::Intent;
use faultgate_net::aws::Place;

/// Pauses before the looks for what may have begun. FIS may list an experiment a while after it has begun it.
const LOOKS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_millis(1500),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// By the names of the experiments.
#[derive(Default)]
pub(super) struct Doubts(RefCell<BTreeMap<String, Doubt>>);

#[derive(Default)]
struct Doubt {
    client_tokens: Vec<String>,
    /// When the first request went out. None: another process knows.
    since: Option<jiff::Timestamp>,
}

impl Doubts {
    /// Another process was about to launch it.
    pub(super) fn recall(&self, name: &str, intent: &Intent) {
        let doubt = Doubt { client_tokens: intent.client_tokens.clone(), since: None };
        self.0.borrow_mut().insert(name.to_owned(), doubt);
    }

    pub(super) fn is_in(&self, name: &str) -> bool {
        self.0.borrow().contains_key(name)
    }

    /// What became of it is known.
    pub(super) fn settle(&self, name: &str) {
        self.0.borrow_mut().remove(name);
    }

    /// How a person looks for what a launch may have begun, if that is in doubt.
    pub(super) fn how_to_look(&self, launch: &Launch<'_>, place: &Place) -> Option<String> {
        let doubts = self.0.borrow();
        let Doubt { client_tokens, since } = doubts.get(launch.name)?;
        let since = since.map(|since| format!(" at {}", moment(since))).unwrap_or_default();
        let tokens = match client_tokens.as_slice() {
            [] => String::new(),
            tokens => format!(" with the client token {}", tokens.join(" or ")),
        };
        Some(format!(
            "faultgate stop looks for it again and stops it, or look by hand: aws fis list-experiments --region {} \
             --experiment-template-id {} (asked for{since}{tokens}; its tag {RUN} is {})",
            place.region, launch.template, launch.run.id
        ))
    }
}

/// Keeps in mind what it notes.
pub(super) struct Doubting<'a> {
    pub(super) doubts: &'a Doubts,
    pub(super) name: &'a str,
    pub(super) clock: Clock,
    pub(super) notary: &'a dyn Notary,
}

#[async_trait(?Send)]
impl Notary for Doubting<'_> {
    async fn intend(&self, intent: Intent) {
        {
            let mut doubts = self.doubts.0.borrow_mut();
            let doubt = doubts.entry(self.name.to_owned()).or_default();
            doubt.since.get_or_insert(self.clock.now());
            doubt.client_tokens.extend(intent.client_tokens.iter().cloned());
        }
        self.notary.intend(intent).await;
    }
}

impl Launch<'_> {
    /// Looks, again and again, for an experiment that a request without an answer may have begun. The last look counts.
    pub(super) async fn search(
        &self,
        clients: &Clients,
        place: &Place,
    ) -> Result<Option<Experiment>, Failure> {
        let mut seen = Ok(None);
        for pause in LOOKS {
            tokio::time::sleep(pause).await;
            seen = self.find(clients, place).await;
            if matches!(seen, Ok(Some(_))) {
                break;
            }
        }
        seen
    }

    /// By its tags: a request with the client token would begin it.
    async fn find(&self, clients: &Clients, place: &Place) -> Result<Option<Experiment>, Failure> {
        let what = format!("look for an experiment of the template {}", self.template);
        let mut pages = clients
            .fis
            .list_experiments()
            .experiment_template_id(self.template)
            .into_paginator()
            .items()
            .send();
        while let Some(summary) = pages.next().await {
            let summary = summary.map_err(|error| failure(&error, "ListExperiments", &what, place))?;
            let tag = |key: &str| summary.tags().and_then(|tags| tags.get(key)).map(String::as_str);
            let ours = tag(RUN) == Some(&self.run.id) && tag(EXPERIMENT) == Some(&tag_value(self.name));
            if let (true, Some(id)) = (ours, summary.id()) {
                return get(clients, place, id).await.map(Some);
            }
        }
        Ok(None)
    }
}
