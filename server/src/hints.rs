//! What to try first, for somebody who has just started the server without any flag.

use std::net::SocketAddr;

/// Three lines for a shell, to be printed once the server answers at `client`.
pub(crate) fn hints(client: SocketAddr) -> String {
    format!(
        "curl -X PUT http://{client}/v2/keys/hello -d value=world\n\
         curl http://{client}/v2/keys/hello\n\
         curl http://{client}/v3/kv/put -d '{{\"key\":\"aGVsbG8=\",\"value\":\"d29ybGQ=\"}}'\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lines_for_a_shell() {
        let expected = concat!(
            "curl -X PUT http://127.0.0.1:2379/v2/keys/hello -d value=world\n",
            "curl http://127.0.0.1:2379/v2/keys/hello\n",
            r#"curl http://127.0.0.1:2379/v3/kv/put -d '{"key":"aGVsbG8=","value":"d29ybGQ="}'"#,
            "\n",
        );
        assert_eq!(hints(SocketAddr::from(([127, 0, 0, 1], 2379))), expected);
    }
}
