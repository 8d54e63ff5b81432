// What the configuration says of the cluster, read and checked.
#pragma once

#include "base/config.h"
#include "base/result.h"
#include "node/control_plane.h"

namespace torc {

/// All but the node's id and the random seed. The error names the directive.
Result<ControlPlane::Settings> cluster_settings(const Config& config);
/// The port that the bus listens on.
uint16_t bus_port(const Config& config);
/// "host:port", an IPv6 host in brackets.
Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace torc
