// RESTORE's payloads come from anyone. The footer's checksum keeps noise out but not malice, so the value is
// read here behind any footer: whatever is accepted must survive being dumped and read again.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "types/dump_payload.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    (void)torc::payload_is_intact(input);
    const auto value = torc::read_payload(std::string(input) + std::string(10, 'f'));
    if (!value) return 0;
    for (const bool compress : {false, true}) {
        const std::string payload = torc::dump_string(value->bytes, compress);
        TORC_CHECK(torc::payload_is_intact(payload));
        const auto again = torc::read_payload(payload);
        TORC_CHECK(again && again->bytes == value->bytes);
    }
    return 0;
}
