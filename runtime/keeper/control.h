#pragma once
// How verbs talk to a keeper: one packet each way on a SOCK_SEQPACKET socket, words of text, so that verbs and keepers of
// different versions understand each other: what a keeper does not know it answers with an error.
//
//   ping                       -> ok
//   stop SIGNAL MILLISECONDS   -> ok, when the program is down for good; SIGKILL after that time
//   restart SIGNAL MILLISECONDS-> ok, when it runs again
//   wait                       -> exited CODE, when it is down for good
// An answer that begins with "error " ends in a sentence.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

inline constexpr size_t kLargestPacket = 4096;  // bytes

// The keeper's end, at `path`; what a killed keeper left there is replaced.
Result<UniqueFd> listen_for_verbs(const std::string& path);

// Sends `words` to the keeper at `path` and waits for its answer: without the "error " of one that refuses. kNotFound when
// nobody keeps the partition.
Result<std::string> ask_keeper(const std::string& path, std::string_view words);
// The same in two steps: the socket becomes readable with the answer.
Result<UniqueFd> tell_keeper(const std::string& path, std::string_view words);
Result<std::string> hear_keeper(int socket);

std::vector<std::string_view> split_words(std::string_view text);

}  // namespace shoji
