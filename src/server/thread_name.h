// Names as top, gdb and perf show them: at most 15 characters.
#pragma once

#include <pthread.h>

namespace torc {

inline void name_this_thread(const char* name) {
    pthread_setname_np(pthread_self(), name);
}

}  // namespace torc
