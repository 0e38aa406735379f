//! The program as its users meet it: run as a process, with good input and bad, with pipes that close and signals.
#![cfg(not(ringway_loom))]

mod bench;
mod doctor;
mod machines;
mod page;
mod program;
mod recorded;
mod replay;
mod report;
mod results;
