//! Tests over real servers. Each makes topics of its own; the servers are started by the first test that needs them.

mod scene;
