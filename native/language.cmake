# The C++ of all native code: no newer than what compilers of some years back know.
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
