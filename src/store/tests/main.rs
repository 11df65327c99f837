//! The store on real SQLite files and a real PostgreSQL server.

mod agreements;
mod audit;
mod calls;
mod concurrency;
mod durability;
mod evidence;
mod faults;
mod jobs;
mod means;
mod migrations;
mod payments;
mod postgres;
mod receipts;
mod sign_in;
mod tenants;
mod world;
