#include "node/reply_queue.h"

#include <algorithm>

#include "node/client_core.h"
#include "node/worker_core.h"

namespace torc {

uint64_t ReplyQueue::push_pending(std::string bytes, Lsn seen, Lsn own, bool muted) {
    bytes_ += bytes.size();
    slots_.push_back({false, muted, 1, seen, own, std::move(bytes)});
    return first_ + slots_.size() - 1;
}

void ReplyQueue::push_ready(std::string bytes, Lsn seen, Lsn own, uint32_t replies) {
    bytes_ += bytes.size();
    slots_.push_back({true, false, replies, seen, own, std::move(bytes)});
}

ReplyQueue::Slot* ReplyQueue::at(uint64_t number) {
    if (client_ == nullptr || number < first_ || number - first_ >= slots_.size()) return nullptr;
    Slot& slot = slots_[number - first_];
    return slot.ready ? nullptr : &slot;
}

void ReplyQueue::complete(uint64_t number) {
    if (Slot* slot = at(number)) {
        slot->ready = true;
        drain();
    }
}

void ReplyQueue::complete(uint64_t number, std::string_view bytes) {
    if (Slot* slot = at(number)) {
        bytes_ += bytes.size() - slot->bytes.size();
        slot->bytes.assign(bytes);
        slot->ready = true;
        drain();
    }
}

void ReplyQueue::drain() {
    if (!slots_.front().ready) return;
    while (!slots_.empty() && slots_.front().ready) {
        Slot& slot = slots_.front();
        if (!slot.muted) client_->output.append(slot.bytes);
        bytes_ -= slot.bytes.size();
        client_->seen_lsn = std::max(client_->seen_lsn, slot.seen);
        client_->own_lsn = std::max(client_->own_lsn, slot.own);
        client_->unmarked_replies += slot.replies;
        client_->end_reply();
        slots_.pop_front();
        ++first_;
    }
    client_->set_dirty();
    client_->replies_came();
}

void ReplyTicket::fail(std::string_view text) const {
    std::string line = "-";
    line += text;
    line += "\r\n";
    complete(line);
}

}  // namespace torc
