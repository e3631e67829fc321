//! The OpenSearch sink against real nodes. Without the variables these tests say so and pass.
//!
//! | variable | node |
//! | --- | --- |
//! | `FLUSSO_TEST_OPENSEARCH` | URL of a running one |
//! | `FLUSSO_TEST_OPENSEARCH_TIGHT` | of one that pushes back: `thread_pool.write.queue_size=1`, `http.max_content_length=1mb`, `indexing_pressure.memory.limit=600kb` |
//! | `FLUSSO_TEST_OPENSEARCH_FRAIL` | of one that may be killed |
//! | `FLUSSO_TEST_OPENSEARCH_RESTART` | a shell command that kills the frail one and starts it again at the same address |

// Helpers of tests fail as tests do.
#![allow(clippy::unwrap_used)]

mod documents;
mod generations;
mod support;
mod tls;
mod trouble;
