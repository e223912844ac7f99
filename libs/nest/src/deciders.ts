import { buyerDebt, contribution, fund, fundControl, payout, reconciliation } from '@recourse/compensation';
import { deposit } from '@recourse/deposits';
import { complaint, dispute, incident, policy } from '@recourse/disputes';
import { catalogueOf, erased, unique, type AnyCatalogue, type AnyDecider } from '@recourse/eventing';
import { fees, order } from '@recourse/orders';

/** Every decider of the house: what an app wires its commands to and readers know event types by. */
export const deciders: readonly AnyDecider[] = [
  erased(order),
  erased(fees),
  erased(dispute),
  erased(complaint),
  erased(policy),
  erased(incident),
  erased(deposit),
  erased(fund),
  erased(fundControl),
  erased(contribution),
  erased(payout),
  erased(buyerDebt),
  erased(reconciliation),
  erased(unique),
];

export const catalogue: AnyCatalogue = catalogueOf(deciders);
