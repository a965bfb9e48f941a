//! Tests of the outbox and the dialer.

mod dialer;
mod outbox;
mod poison;
