//! Tests of the protocol, with random messages and random bytes.

mod batch;
mod bytes;
