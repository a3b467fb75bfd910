//! Instances that may run Memcached: whether Systems Manager can ask them.

use aws_config::SdkConfig;
use aws_sdk_ssm::types::InstanceInformationStringFilter;
use portcullis_audit::Server;
use portcullis_aws::error::{DENIED, Failed};
use portcullis_engine::scan::{NotRead, right};

const CALL: &str = "DescribeInstanceInformation";

/// Ids in one filter, and instances of one page at the most (API reference, `DescribeInstanceInformation`).
const AT_ONCE: usize = 50;

/// Notes for each of a Region what Systems Manager says of it: `Online`, `ConnectionLost` or `Inactive`. Without servers
/// nothing is called.
pub(super) async fn managed(config: &SdkConfig, servers: &mut [Server]) -> Option<NotRead> {
    let ssm = aws_sdk_ssm::Client::new(config);
    for some in servers.chunks_mut(AT_ONCE) {
        let filter = InstanceInformationStringFilter::builder()
            .key("InstanceIds")
            .set_values(Some(some.iter().map(|server| server.instance.clone()).collect()));
        let filter = match filter.build() {
            Ok(filter) => filter,
            Err(error) => return Some(not_read(error.to_string(), false)),
        };
        let answer = ssm.describe_instance_information().filters(filter).max_results(50).send();
        match answer.await {
            Ok(answer) => {
                for known in answer.instance_information_list() {
                    let status = known.ping_status().map(|status| status.as_str().to_owned());
                    let id = known.instance_id();
                    some.iter_mut()
                        .filter(|server| Some(server.instance.as_str()) == id)
                        .for_each(|server| server.managed.clone_from(&status));
                }
            }
            Err(error) => {
                let failed = Failed::of(CALL, &error);
                let is_denied = failed.code().is_some_and(|code| DENIED.contains(&code));
                return Some(not_read(failed.to_string(), is_denied));
            }
        }
    }
    None
}

fn not_read(error: String, is_denied: bool) -> NotRead {
    NotRead { call: CALL.to_owned(), error, right: is_denied.then(|| right(CALL)), count: 1 }
}
