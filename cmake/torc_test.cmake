# Which of the three builds this is: every test runs in `release` (and in a developer's `dev`); the sanitizer
# builds run what they are good at. scripts/test runs all three as one ctest run, so names carry the build.
if(TORC_SANITIZE MATCHES "address")
  set(TORC_TEST_BUILD asan)
elseif(TORC_SANITIZE MATCHES "thread")
  set(TORC_TEST_BUILD tsan)
else()
  set(TORC_TEST_BUILD release)
endif()

# Everything that this build's tests run: `cmake --build --preset tsan --target test-programs`.
add_custom_target(test-programs)

# torc_test(NAME unit.base LABELS unit TIMEOUT 600 ALSO asan tsan COMMAND base_test ...)
# ALSO: the sanitizer builds that run it besides release.
function(torc_test)
  cmake_parse_arguments(ARG "SERIAL" "NAME;TIMEOUT" "LABELS;ALSO;COMMAND;ENVIRONMENT" ${ARGN})
  set(name ${ARG_NAME})
  if(NOT TORC_TEST_BUILD STREQUAL "release")
    if(NOT TORC_TEST_BUILD IN_LIST ARG_ALSO)
      return()
    endif()
    set(name ${TORC_TEST_BUILD}.${ARG_NAME})
  endif()
  add_test(NAME ${name} COMMAND ${ARG_COMMAND})
  foreach(word ${ARG_COMMAND} ${ARG_ENVIRONMENT})
    if(word MATCHES "TARGET_FILE:([^>]+)>")
      set(word ${CMAKE_MATCH_1})
    endif()
    if(TARGET ${word})
      add_dependencies(test-programs ${word})
    endif()
  endforeach()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  # g++'s and clang's sanitizers read these; a plain build doesn't.
  list(APPEND ARG_ENVIRONMENT "TORC_SOURCE_DIR=${CMAKE_SOURCE_DIR}"
       "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp"
       "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1" "UBSAN_OPTIONS=print_stacktrace=1")
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS};${TORC_TEST_BUILD}" TIMEOUT ${ARG_TIMEOUT}
                       ENVIRONMENT "${ARG_ENVIRONMENT}")
  if(ARG_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()
