import type { Provider } from '@nestjs/common';
import { Command as BusCommand, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Command, CommandContext, CommandOf, Decider, Event } from '@recourse/eventing';
import type { AggregateStore, Executed } from '@recourse/eventstore';

/** A domain command on its way over Nest's CommandBus, addressed to the aggregate `category`-`id`. */
export interface DomainCommand<C extends Command> extends BusCommand<Executed> {
  readonly id: string;
  readonly command: C;
  readonly context: CommandContext;
}

/** Statics are what wiring checks and routers go by. */
export interface CommandClass<C extends Command> {
  new (id: string, command: C, context: CommandContext): DomainCommand<C>;
  readonly category: string;
  readonly type: C['type'];
}

/** The base of a command's class: `class TopUpDeposit extends commandOf<DepositCommand, 'TopUpDeposit'>('deposit', 'TopUpDeposit') {}`. */
export function commandOf<Union extends Command, Type extends Union['type']>(
  category: string,
  type: Type,
): CommandClass<CommandOf<Union, Type>> {
  return class extends BusCommand<Executed> implements DomainCommand<CommandOf<Union, Type>> {
    static readonly category = category;
    static readonly type: CommandOf<Union, Type>['type'] = type;
    constructor(
      readonly id: string,
      readonly command: CommandOf<Union, Type>,
      readonly context: CommandContext,
    ) {
      super();
    }
  };
}

/** One class per member of the union, so that a class the decider does not know is no member. */
type ClassFor<C extends Command> = C extends Command ? CommandClass<C> : never;

const aggregateStoreToken = Symbol('AggregateStore');

/** What the handlers execute over; one per application. */
export const aggregateStoreProvider = (aggregates: AggregateStore): Provider => ({
  provide: aggregateStoreToken,
  useValue: aggregates,
});

/**
 * Makes the handlers of these commands; nobody writes handler classes. A command the decider does not know does not compile.
 * @throws Error when a class is of another category, or listed twice
 */
export function handlersFor<C extends Command, State, E extends Event, Code extends string>(
  decider: Decider<C, State, E, Code>,
  ...commandClasses: readonly NoInfer<ClassFor<C>>[]
): Provider[] {
  const types = new Set<string>();
  return commandClasses.map((member) => {
    const commandClass = member as unknown as CommandClass<C>;
    const { category, type } = commandClass;
    if (category !== decider.category) throw new Error(`${type} is a command of ${category}, not of ${decider.category}`);
    if (types.has(type)) throw new Error(`${type} is listed twice for ${category}`);
    types.add(type);
    return handlerOf(decider, commandClass);
  });
}

function handlerOf<C extends Command, State, E extends Event, Code extends string>(
  decider: Decider<C, State, E, Code>,
  commandClass: CommandClass<C>,
): Provider {
  // The bus finds handlers by the metadata on the class of an instance, so each command needs a class of its own.
  class Handler implements ICommandHandler<DomainCommand<C>> {
    constructor(private readonly aggregates: AggregateStore) {}
    execute({ id, command, context }: DomainCommand<C>): Promise<Executed> {
      return this.aggregates.execute(decider, id, command, context);
    }
  }
  Object.defineProperty(Handler, 'name', { value: `${commandClass.type}Handler` });
  CommandHandler(commandClass)(Handler);
  return { provide: Handler, useFactory: (aggregates: AggregateStore) => new Handler(aggregates), inject: [aggregateStoreToken] };
}
