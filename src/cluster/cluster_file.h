// Small files of the data directory that make a node who it is in its cluster: `cluster-node`
// (node_identity.h) and `cluster-ring` (its part in the agreement about the ring). Each is replaced as a
// whole and durable on return; damage is found by a checksum, which also covers the file's name.
//
// The two belong together. A node that lost its votes must not come back under the same id, so neither is
// made anew while the other is there: cluster-ring is there, if empty, before cluster-node is.
#pragma once

#include <string>
#include <string_view>

#include "base/disk.h"
#include "base/result.h"
#include "cluster/ring_agreement.h"

namespace torc {

inline constexpr std::string_view kNodeFileName = "cluster-node";
inline constexpr std::string_view kRingFileName = "cluster-ring";

/// not_found when there's none; corrupt with what to do about it; refused: a newer version.
Result<std::string> load_cluster_file(Disk& disk, const std::string& directory, std::string_view name);
/// Durable on return. After an error either the old bytes are there or the new ones.
Result<void> store_cluster_file(Disk& disk, const std::string& directory, std::string_view name,
                                std::string_view bytes);
/// What to tell an operator about a file of the two that is damaged or gone.
Error cluster_file_lost(const std::string& directory, std::string_view name, std::string_view what);

/// cluster-ring. open_node_identity() comes first: it makes the file.
class RingFile final : public RingAgreement::Storage {
  public:
    RingFile(Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}
    Result<std::string> load() override;
    Result<void> save(std::string_view bytes) override;

  private:
    Disk& disk_;
    std::string directory_;
};

}  // namespace torc
