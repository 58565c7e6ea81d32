import { SeededRandom } from './seeded-random.ts';
import type { Language, TradeName } from './vocabulary.ts';

/** The demo's platform: which companies use it, and which implementation of each module they chose. Ids never change. */
export interface DemoTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly language: Language;
  readonly currency: string;
  readonly trade: TradeName;
  /** Key of the implementation by module. */
  readonly uses: { readonly inventory: string; readonly billing: string; readonly crm?: string };
}

export interface DemoImplementation {
  readonly id: string;
  readonly module: 'inventory' | 'billing' | 'crm';
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly config: Readonly<Record<string, unknown>>;
}

export const DEMO_MODULES = [
  {
    id: 'ba3fbec9-6fca-44cd-8bfe-77dd8af59eec',
    slug: 'inventory',
    name: 'Inventory',
    description: 'Products, prices and stock',
  },
  {
    id: '0ffd9779-4fa7-4679-8ccb-c6edf0be2965',
    slug: 'billing',
    name: 'Billing',
    description: 'Customers, invoices and payments',
  },
  {
    id: '108dafad-859c-4c57-a681-63e085fffff1',
    slug: 'crm',
    name: 'CRM',
    description: 'Contacts, deals and notes',
  },
] as const;

export const DEMO_IMPLEMENTATIONS: readonly DemoImplementation[] = [
  {
    id: '73bcb1db-ef47-449b-8bbd-98f0736523a6',
    module: 'inventory',
    key: 'standard',
    name: 'One warehouse',
    version: '2.4.1',
    config: { valuation: 'average', negativeStock: false, screens: ['products', 'movements'] },
  },
  {
    id: '69255270-e17d-4144-829c-cacb290b17a5',
    module: 'inventory',
    key: 'multi-warehouse',
    name: 'Several warehouses',
    version: '2.4.1',
    config: { valuation: 'average', negativeStock: true, transfers: { approval: 'manager', days: 2 } },
  },
  {
    id: '99548466-2ddb-472b-a651-40528f15c9df',
    module: 'inventory',
    key: 'perishable',
    name: 'Lots and expiry dates',
    version: '1.9.0',
    config: { valuation: 'fifo', negativeStock: false, expiry: { warnDays: 7, blockSale: true } },
  },
  {
    id: 'aa7a9112-f1e7-4f77-ac6c-0048c6f21922',
    module: 'billing',
    key: 'brazil',
    name: 'Notas fiscais (Brazil)',
    version: '4.0.3',
    config: { document: 'NF-e', series: 1, taxes: ['ICMS', 'PIS', 'COFINS'], instantPayment: 'pix' },
  },
  {
    id: '4935d0bb-7574-422b-9bcd-e39291e04418',
    module: 'billing',
    key: 'international',
    name: 'Invoices (other countries)',
    version: '3.7.2',
    config: { document: 'invoice', taxes: ['VAT'], dunning: { after: [7, 21, 45] } },
  },
  {
    id: '82f7669c-b2f6-49eb-bd68-5328b3359de4',
    module: 'crm',
    key: 'pipeline',
    name: 'Sales pipeline',
    version: '5.1.0',
    config: { forecast: 'weighted', closeAfterDays: 90 },
  },
  {
    id: 'bc034058-72e4-4d28-943c-32ec8599b75b',
    module: 'crm',
    key: 'care',
    name: 'Customer care',
    version: '5.0.4',
    config: { firstAnswerHours: 4, languages: ['pt', 'en', 'es'] },
  },
];

const tenant = (number: number, slug: string, facts: Omit<DemoTenant, 'id' | 'slug'>): DemoTenant => ({
  id: new SeededRandom(number).uuid(),
  slug,
  ...facts,
});

const brazil = { language: 'pt', currency: 'BRL' } as const;

export const DEMO_TENANTS: readonly DemoTenant[] = [
  tenant(1, 'padaria-aurora', {
    ...brazil,
    name: 'Padaria Aurora',
    trade: 'bakery',
    uses: { inventory: 'perishable', billing: 'brazil', crm: 'care' },
  }),
  tenant(2, 'mercado-boa-vista', {
    ...brazil,
    name: 'Mercado Boa Vista',
    trade: 'grocery',
    uses: { inventory: 'perishable', billing: 'brazil', crm: 'care' },
  }),
  tenant(3, 'oficina-tres-irmaos', {
    ...brazil,
    name: 'Oficina Três Irmãos',
    trade: 'garage',
    uses: { inventory: 'standard', billing: 'brazil', crm: 'care' },
  }),
  tenant(4, 'farmacia-sao-lucas', {
    ...brazil,
    name: 'Farmácia São Lucas',
    trade: 'pharmacy',
    uses: { inventory: 'perishable', billing: 'brazil', crm: 'care' },
  }),
  tenant(5, 'livraria-sabia', {
    ...brazil,
    name: 'Livraria Sabiá',
    trade: 'books',
    uses: { inventory: 'standard', billing: 'brazil' },
  }),
  tenant(6, 'cafe-do-cerrado', {
    ...brazil,
    name: 'Café do Cerrado',
    trade: 'coffee',
    uses: { inventory: 'perishable', billing: 'brazil', crm: 'pipeline' },
  }),
  tenant(7, 'construtora-ipe', {
    ...brazil,
    name: 'Construtora Ipê',
    trade: 'building',
    uses: { inventory: 'multi-warehouse', billing: 'brazil', crm: 'pipeline' },
  }),
  tenant(8, 'pousada-mare-alta', {
    ...brazil,
    name: 'Pousada Maré Alta',
    trade: 'lodging',
    uses: { inventory: 'standard', billing: 'brazil', crm: 'care' },
  }),
  tenant(9, 'distribuidora-rio-norte', {
    ...brazil,
    name: 'Distribuidora Rio Norte',
    trade: 'grocery',
    uses: { inventory: 'multi-warehouse', billing: 'brazil', crm: 'pipeline' },
  }),
  tenant(10, 'clinica-vida-nova', {
    ...brazil,
    name: 'Clínica Vida Nova',
    trade: 'pharmacy',
    uses: { inventory: 'perishable', billing: 'brazil' },
  }),
  tenant(11, 'nordlicht-fahrraeder', {
    name: 'Nordlicht Fahrräder GmbH',
    language: 'de',
    currency: 'EUR',
    trade: 'bicycles',
    uses: { inventory: 'standard', billing: 'international', crm: 'pipeline' },
  }),
  tenant(12, 'harbour-and-finch', {
    name: 'Harbour & Finch Ltd',
    language: 'en',
    currency: 'GBP',
    trade: 'tools',
    uses: { inventory: 'multi-warehouse', billing: 'international', crm: 'pipeline' },
  }),
  tenant(13, 'bluebonnet-supply', {
    name: 'Bluebonnet Supply Co.',
    language: 'en',
    currency: 'USD',
    trade: 'tools',
    uses: { inventory: 'multi-warehouse', billing: 'international', crm: 'care' },
  }),
  tenant(14, 'tienda-la-ceiba', {
    name: 'Tienda La Ceiba',
    language: 'es',
    currency: 'MXN',
    trade: 'abarrotes',
    uses: { inventory: 'standard', billing: 'international', crm: 'care' },
  }),
  tenant(15, 'atelier-mirabelle', {
    name: 'Atelier Mirabelle',
    language: 'fr',
    currency: 'EUR',
    trade: 'fabrics',
    uses: { inventory: 'standard', billing: 'international' },
  }),
  tenant(16, 'kaizen-parts', {
    name: 'カイゼン部品株式会社',
    language: 'ja',
    currency: 'JPY',
    trade: 'machine_parts',
    uses: { inventory: 'multi-warehouse', billing: 'international', crm: 'pipeline' },
  }),
];
