//! Health checks: which of the servers behind a name are well.
//!
//! What a check has found is one atomic, so that every answer after a change is right. Route 53's vocabulary.
//! Not here: what follows for an answer (`zone`'s policies).
