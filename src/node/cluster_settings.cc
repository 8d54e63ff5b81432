#include "node/cluster_settings.h"

#include <charconv>
#include <cstdlib>

namespace torc {
namespace {

constexpr int kBusOffset = 10000;

uint16_t port_of(const Config& config, std::string_view name) {
    return static_cast<uint16_t>(std::atoi(config.text(name).c_str()));
}

}  // namespace

uint16_t bus_port(const Config& config) {
    const uint16_t given = port_of(config, "cluster-port");
    return given != 0 ? given : static_cast<uint16_t>(port_of(config, "port") + kBusOffset);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
    const size_t colon = text.rfind(':');
    Endpoint endpoint;
    if (colon != std::string_view::npos && colon != 0) {
        std::string_view host = text.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
        endpoint.host = host == "localhost" ? "127.0.0.1" : std::string(host);
        const std::string_view port = text.substr(colon + 1);
        const auto [at, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
        if (error == std::errc() && at == port.data() + port.size() && endpoint.port != 0) return endpoint;
    }
    return fail(ErrorKind::invalid, "'" + std::string(text) + "' is not host:port");
}

Result<ControlPlane::Settings> cluster_settings(const Config& config) {
    ControlPlane::Settings settings;
    settings.directory = config.text("dir");
    settings.self.datacenter = config.text("datacenter");
    settings.self.rack = config.text("rack");
    settings.self.vnodes = static_cast<uint32_t>(std::atoi(config.text("vnodes").c_str()));
    settings.replication_factor = static_cast<uint32_t>(std::atoi(config.text("replication-factor").c_str()));
    settings.secret = config.text("cluster-secret");
    settings.hostname = config.text("cluster-announce-hostname");
    if (const int port = std::atoi(config.text("port").c_str());
        config.text("cluster-port") == "0" && port + kBusOffset > 65535)
        return fail(ErrorKind::invalid, "port + 10000 is no port: set cluster-port");
    const std::string seeds = config.text("cluster-seeds");
    for (size_t at = 0; at < seeds.size();) {
        const size_t end = std::min(seeds.find_first_of(", ", at), seeds.size());
        if (end > at) {
            auto seed = parse_endpoint(std::string_view(seeds).substr(at, end - at));
            if (!seed) return fail(ErrorKind::invalid, "cluster-seeds: " + seed.error().message);
            settings.seeds.push_back(std::move(*seed));
        }
        at = end + 1;
    }
    if (const std::string name = config.text("cluster-replace"); !name.empty()) {
        const auto replaced = parse_node_name(name);
        if (!replaced) return fail(ErrorKind::invalid, "cluster-replace: '" + name + "' is no node's name");
        if (settings.seeds.empty())
            return fail(ErrorKind::invalid,
                        "cluster-replace needs cluster-seeds: nodes of the cluster to join");
        settings.replaces = *replaced;
    }
    settings.bus.host = settings.client.host = config.text("cluster-announce-ip");
    const uint16_t announced_bus = port_of(config, "cluster-announce-bus-port");
    const uint16_t announced = port_of(config, "cluster-announce-port");
    settings.bus.port = announced_bus != 0 ? announced_bus : bus_port(config);
    settings.client.port = announced != 0 ? announced : port_of(config, "port");
    return settings;
}

}  // namespace torc
