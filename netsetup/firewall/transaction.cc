#include "netsetup/firewall/transaction.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "netsetup/firewall/access_rule.h"

namespace shoji::net {

namespace {

constexpr uint16_t message_type(uint16_t message) {
  return static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | message);
}

// Elements in one message until its list is as long as this: an attribute has 65535 bytes at most.
constexpr size_t kListSize = 32768;

void write_element(MessageWriter& out, const Element& element, bool adds) {
  size_t item = out.open(NFTA_LIST_ELEM);
  size_t key = out.open(NFTA_SET_ELEM_KEY);
  out.put(NFTA_DATA_VALUE, element.key.bytes);
  out.close(key);
  if (adds && !element.value.bytes.empty()) {
    size_t data = out.open(NFTA_SET_ELEM_DATA);
    out.put(NFTA_DATA_VALUE, element.value.bytes);
    out.close(data);
  }
  if (adds && !element.jump.empty()) {
    size_t data = out.open(NFTA_SET_ELEM_DATA);
    size_t verdict = out.open(NFTA_DATA_VERDICT);
    out.put_be32(NFTA_VERDICT_CODE, static_cast<uint32_t>(NFT_JUMP));
    out.put_text(NFTA_VERDICT_CHAIN, element.jump);
    out.close(verdict);
    out.close(data);
  }
  out.close(item);
}

void begin_elements(MessageWriter& out, const Element& element, bool adds) {
  out.begin(message_type(adds ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM),
            adds ? NLM_F_CREATE | NLM_F_ACK : NLM_F_ACK, table_family(element.table));
  out.put_text(NFTA_SET_ELEM_LIST_TABLE, kTableName);
  out.put_text(NFTA_SET_ELEM_LIST_SET, element.set);
}

void write_chain(MessageWriter& out, const AccessChain& chain, bool adds) {
  out.begin(message_type(adds ? NFT_MSG_NEWCHAIN : NFT_MSG_DELCHAIN),
            adds ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK : NLM_F_ACK, NFPROTO_INET);
  out.put_text(NFTA_CHAIN_TABLE, kTableName);
  out.put_text(NFTA_CHAIN_NAME, chain.name);
}

std::string object_of(const Element& element) {
  return cat(table_name(element.table), ", ", element.set, " { ", element.key.text, " }");
}

}  // namespace

void Transaction::add(const Element& element) {
  steps_.push_back({Step::Kind::kAddElement, element, {}});
}
void Transaction::add(const AccessChain& chain) {
  steps_.push_back({Step::Kind::kAddChain, {}, chain});
}
void Transaction::remove(const Element& element) {
  steps_.push_back({Step::Kind::kRemoveElement, element, {}});
}
void Transaction::remove(const AccessChain& chain) {
  steps_.push_back({Step::Kind::kRemoveChain, {}, chain});
}

void Transaction::remove_chain(const std::string& name) {
  steps_.push_back({Step::Kind::kRemoveChain, {}, {name, {}}});
}
void Transaction::remove_set(const std::string& name) {
  steps_.push_back({Step::Kind::kRemoveSet, {}, {name, {}}});
}

Result<std::vector<Transaction::Refusal>> Transaction::attempt(NetfilterSocket& socket,
                                                               const std::vector<bool>& without) const {
  using enum Step::Kind;
  MessageWriter out;
  std::vector<size_t> step_of = {0, 0};  // by the message's number; the first one begins the batch
  out.begin(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (without[i]) continue;
    const Step& step = steps_[i];
    if (step.kind == kAddElement || step.kind == kRemoveElement) {
      bool adds = step.kind == kAddElement;
      begin_elements(out, step.element, adds);
      size_t list = out.open(NFTA_SET_ELEM_LIST_ELEMENTS);
      write_element(out, step.element, adds);
      // What is removed has a message of its own each, so that the kernel says which one is gone already.
      while (adds && i + 1 < steps_.size() && steps_[i + 1].kind == kAddElement &&
             steps_[i + 1].element.table == step.element.table &&
             steps_[i + 1].element.set == step.element.set && out.message_size() < kListSize)
        write_element(out, steps_[++i].element, adds);
      out.close(list);
    } else if (step.kind == kRemoveSet) {
      out.begin(message_type(NFT_MSG_DELSET), NLM_F_ACK, NFPROTO_INET);
      out.put_text(NFTA_SET_TABLE, kTableName);
      out.put_text(NFTA_SET_NAME, step.chain.name);
    } else {
      write_chain(out, step.chain, step.kind == kAddChain);
      for (const AccessMatch& match :
           step.kind == kAddChain ? step.chain.matches : std::vector<AccessMatch>())
        write_access_rule(out, step.chain.name, match);
    }
    step_of.resize(out.count() + 1, i);
  }
  if (out.count() == 1) return std::vector<Refusal>{};
  out.begin(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  std::vector<Refusal> refusals;
  TRY(socket.talk(out, nullptr, [&](uint32_t number, int error, const std::string& words) {
    refusals.push_back({number < step_of.size() ? step_of[number] : 0, error, words});
  }));
  return refusals;
}

Failure Transaction::refused(const Refusal& refusal, std::string_view what) const {
  const Step& step = steps_[refusal.step];
  std::string object = step.chain.name.empty()
                           ? object_of(step.element)
                           : cat(step.kind == Step::Kind::kRemoveSet ? "set " : "chain ", step.chain.name);
  return fail_errno(refusal.error, refusal.words.empty() ? cat(what, ": ", object)
                                                         : cat(what, ": ", object, " (", refusal.words, ')'));
}

Result<> Transaction::commit(NetfilterSocket& socket, std::string_view what) {
  if (steps_.empty()) return {};
  TRY_ASSIGN(std::vector<Refusal> refusals, attempt(socket, std::vector<bool>(steps_.size())));
  if (refusals.empty()) return {};
  return refused(refusals.front(), what);
}

Result<> Transaction::commit_present(NetfilterSocket& socket, std::string_view what) {
  std::vector<bool> gone(steps_.size());
  // Each round leaves out what the one before found gone; others may remove at the same time.
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    TRY_ASSIGN(std::vector<Refusal> refusals, attempt(socket, gone));
    if (refusals.empty()) return {};
    for (const Refusal& refusal : refusals) {
      Step::Kind kind = steps_[refusal.step].kind;
      bool removes = kind != Step::Kind::kAddElement && kind != Step::Kind::kAddChain;
      if (!removes || refusal.error != ENOENT) return refused(refusal, what);
      gone[refusal.step] = true;
    }
  }
  return fail(Kind::kState, cat(what, ": others change it at the same time"));
}

}  // namespace shoji::net
