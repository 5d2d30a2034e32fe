//! Tests of Harness against a stand-in that takes only requests which the API's descriptions have. They show
//! that every request arrives as it was meant, and that each trouble is told as it is.

mod checking;
mod ending;
mod launching;
mod reading;
mod strictness;
mod support;
mod troubles;
