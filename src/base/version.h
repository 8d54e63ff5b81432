// The versions that the server names itself by.
#pragma once

namespace torc {

inline constexpr const char* kTorcVersion = "0.1.0";
/// The Redis whose commands and replies Torc gives; client libraries decide by it.
inline constexpr const char* kRedisVersion = "7.2.4";

}  // namespace torc
