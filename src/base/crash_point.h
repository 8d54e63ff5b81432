// Named crash points: in builds with TORC_CRASH_POINTS the process kills itself (SIGKILL) at the n-th passing
// of the point that the environment variable TORC_CRASH_AT names as `name:n`. Absent from release builds.
#pragma once

#ifdef TORC_CRASH_POINTS
namespace torc {
void pass_crash_point(const char* name);
}
#define TORC_CRASH_POINT(name) ::torc::pass_crash_point(name)
#else
#define TORC_CRASH_POINT(name) ((void)0)
#endif
