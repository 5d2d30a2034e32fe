//! Tests of LitmusChaos against a ChaosCenter that validates every request by the schema. They show what is
//! asked, what is made of the answers, and how each refusal is told.

mod access;
mod check;
mod life;
mod refusals;
mod stopping;
mod support;
