//! Who may ask, as the flags `--cors` and `--host-whitelist` say it.

use api::Access;

use crate::exit::Stop;
use crate::settings::Settings;
use crate::urls;

const ORIGINS: &str = "cors";
const HOSTS: &str = "host-whitelist";

/// Reads both flags.
pub(crate) fn of(settings: &Settings) -> Result<Access, Stop> {
    let origins = list(&settings.text(ORIGINS));
    for origin in origins.iter().flatten() {
        if let Err(why) = urls::parse_list(origin) {
            return Err(settings.refused(ORIGINS, origin, &why.to_string()));
        }
    }
    Ok(Access {
        origins: origins.map(|origins| origins.into_iter().map(Into::into).collect()),
        // An empty list lets everyone in, as in etcd.
        hosts: list(&settings.text(HOSTS)).filter(|hosts| !hosts.is_empty()),
    })
}

/// What stands between the commas; None if one of them stands for all.
fn list(text: &str) -> Option<Vec<String>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let parts: Vec<String> = parts.map(str::to_owned).collect();
    (!parts.iter().any(|part| part == "*")).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Origin;
    use crate::flags;

    fn resolved(cors: &str, hosts: &str) -> Result<Access, Stop> {
        let mut settings = Settings::default();
        for (name, value) in [(ORIGINS, cors), (HOSTS, hosts)] {
            let flag = flags::find(name).expect("a flag");
            settings.give(flag, Origin::Flag(name), value).expect("any text");
        }
        of(&settings)
    }

    #[test]
    fn a_star_lets_everyone_in_and_so_does_giving_nothing() {
        let all = Access::default();
        assert_eq!(of(&Settings::default()).unwrap(), all);
        assert_eq!(resolved("*", "*").unwrap(), all);
        assert_eq!(resolved("http://a:1,*", "a,*").unwrap(), all);
    }

    #[test]
    fn lists_are_read() {
        let access = resolved("http://a.b:80, https://c:1", "127.0.0.1,foo").unwrap();
        let expected = Access {
            origins: Some(vec!["http://a.b:80".into(), "https://c:1".into()]),
            hosts: Some(vec!["127.0.0.1".to_owned(), "foo".to_owned()]),
        };
        assert_eq!(access, expected);
        let nobody = resolved("", "").unwrap();
        assert_eq!((nobody.origins, nobody.hosts), (Some(vec![]), None));
    }

    #[test]
    fn an_origin_that_is_none_is_refused() {
        for origin in ["http://a", "a:1", "ftp://a:1", "http://a:1/path"] {
            assert!(resolved(origin, "*").is_err(), "{origin}");
        }
    }
}
