// Writing and reading the fields of bus messages: little-endian integers, varints, strings behind their
// length. What a message means is the business of its codec; here is only that a reader stays inside its
// bytes, whoever wrote them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace torc {

/// Appends fields to a string. A value; no thread rule.
class WireWriter {
  public:
    void u8(uint8_t value);
    void u16(uint16_t value);
    void u32(uint32_t value);
    void u64(uint64_t value);
    void i64(int64_t value);
    /// 7 bits a byte, lowest first: 1 byte below 128, at most 10.
    void varint(uint64_t value);
    /// Its length as a varint, then its bytes.
    void string(std::string_view bytes);
    /// Bytes as they are; the reader must know how many.
    void raw(std::string_view bytes);

    size_t size() const { return bytes_.size(); }
    const std::string& bytes() const { return bytes_; }
    /// Hands the bytes over and begins anew.
    std::string take();

  private:
    std::string bytes_;
};

/// Reads fields in the order in which they were written. Never looks past its end. After the first field that
/// isn't there or breaks its bound, ok() is false for good and every further read gives zero or an empty
/// string: a codec reads a whole message and asks once. The bytes belong to the caller, and so do the views
/// handed out.
class WireReader {
  public:
    explicit WireReader(std::string_view bytes) : rest_(bytes) {}

    uint8_t u8();
    uint16_t u16();
    uint32_t u32();
    uint64_t u64();
    int64_t i64();
    /// Fails on more than 64 bits and on a longer form than needed: one value, one form.
    uint64_t varint();
    /// A varint that may not exceed `most`: counts, and the lengths of what follows.
    uint64_t varint(uint64_t most);
    /// Fails when it's longer than `longest`.
    std::string_view string(size_t longest);
    std::string_view raw(size_t count);

    bool ok() const { return ok_; }
    /// Everything was there, and nothing more.
    bool finished() const { return ok_ && rest_.empty(); }
    size_t left() const { return rest_.size(); }
    /// What was read makes no sense to the codec: the same as running out of bytes.
    void fail();

  private:
    template <class T>
    T fixed();

    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace torc
