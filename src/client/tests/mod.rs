//! Tests of the client's outbox.

mod outbox;
mod poison;
