// A directory that goes with the test.
#pragma once

#include <cstdlib>
#include <filesystem>

struct Folder {
    Folder() {
        char name[] = "/tmp/wgbfd-daemon-XXXXXX";
        path = ::mkdtemp(name);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};
